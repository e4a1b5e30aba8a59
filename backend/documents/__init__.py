"""Reading documents, whatever their kind: by id, by reference, and in lists of a store. Verbs alone change them."""
