"""What the customer gets: a receipt as text and as bytes for a printer, made of the same lines."""
