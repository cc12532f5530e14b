"""The catalogue: one folder a lab, content and no code."""
