"""The only writer of stock: lanes of group commit, how a batch is settled, its rows on both databases."""
