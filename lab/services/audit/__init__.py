"""`lab audit`: whether anything is left of a lab that was taken down."""
