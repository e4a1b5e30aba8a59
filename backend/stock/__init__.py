"""Stock of products in stores: reading, setting, correcting, one-step transfers, history."""
