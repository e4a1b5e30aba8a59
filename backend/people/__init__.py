"""What people do about themselves and each other: sign in and out, and be added, changed and removed."""
