"""Order: takes orders, keeps them, and asks delivery to bring them."""
