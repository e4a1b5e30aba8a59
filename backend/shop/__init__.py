"""The shop as a whole: founded once, with its stores, its first admin, its currency and its time zone."""
