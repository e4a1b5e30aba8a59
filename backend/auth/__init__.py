"""Who somebody is and what they may do: PINs, roles, scopes, and the access tokens that carry them."""
