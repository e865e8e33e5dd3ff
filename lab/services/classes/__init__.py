"""A class: who is in it, what each student gets, what that costs, and how it ends."""
