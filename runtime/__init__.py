"""Hands and eyes: everything that touches the kernel or a tool. Knows no lab, step, YAML or rich."""
