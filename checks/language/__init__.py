"""What the words of a lab are made of: statements with arguments, and checks."""
