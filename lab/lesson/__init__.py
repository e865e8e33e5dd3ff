"""The course's traffic exercises as named states of the stack: `lab lesson`."""
