"""The course's exercises as named states of the stack: `lab lesson`."""
