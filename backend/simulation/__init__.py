"""A month of a chain: real baskets and everything else that moves stock, beside a model of what lies on the shelves."""
