"""What a terminal knows and does, without a screen: the cart, its journal, the server's answers and live stock."""
