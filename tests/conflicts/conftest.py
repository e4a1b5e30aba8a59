"""The furnished shop of the HTTP tests."""

from tests.http.fixtures import furnished_postgresql, furnished_sqlite, shop, shop_url

__all__ = ["furnished_postgresql", "furnished_sqlite", "shop", "shop_url"]
