"""The one schema, for PostgreSQL and SQLite. Alembic's migrations must add up to exactly this (a test compares them).

`store_id` is part of every key of every table that belongs to a store, so the tables can be distributed by store. CHECK
constraints are the last guard of the invariants, never the first: `backend.model.decide` refuses before they would.
Movements and reservations have no foreign key to their stock row: the ledger writes all three in one statement, and a
trigger per row would cost more than the row (`mostrador verify` proves that they belong together).
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on PostgreSQL, ISO text on SQLite, always timezone-aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite drops the offset, so everything is stored in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Returns what comes back without an offset was stored in UTC."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


JSON_TEXT = {"json": True}
"""Marks a text column that holds JSON, kept letter by letter as it was written."""


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _price_per() -> Column[int]:
    return Column("price_per", BigInteger, nullable=False, server_default="1", comment="units that the price is for")


def _bytewise(length: int) -> String:
    """Returns a text that both databases compare byte by byte, whatever the language of the database is."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


shop = Table(
    "shop",
    metadata,
    # One row: whose stores these are. A chain that was there before the table has none until `mostrador init` says.
    Column("number", Integer, CheckConstraint("number = 1", name="one"), primary_key=True, autoincrement=False),
    Column("name", String(200), nullable=False),
    Column("currency", String(3), nullable=False, comment="ISO 4217"),
    Column("time_zone", String(64), nullable=False, comment="of the IANA database"),
    Column("founded_at", Instant, nullable=False),
)


stores = Table(
    "stores",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("sku", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", String(2000), nullable=False, server_default=""),
    Column("category", String(200), nullable=False, server_default="", index=True),
    Column("department", String(200), nullable=False, server_default=""),
    Column("brand", String(200), nullable=False, server_default=""),
    Column("package_size", String(100), nullable=False, server_default=""),
    Column("price_cents", BigInteger, CheckConstraint("price_cents >= 0", name="price"), nullable=False),
    Column("search_text", String(1000), nullable=False, comment="lower case words that a search looks in"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("active", Boolean, nullable=False, server_default=true(), comment="what is not is kept, but not found"),
    Column("unit", String(16), nullable=False, server_default="piece", comment="what a quantity counts"),
    Column("category_path", String(500), nullable=False, server_default="", comment="names with / between them"),
    Column("tax_basis_points", Integer, nullable=False, server_default="0", comment="2100 is 21 %"),
    Column("tax_included", Boolean, nullable=False, server_default=true(), comment="in the price"),
    _price_per(),
    # What begins so, whatever the language of the database is.
    Index("ix_products_category_path", "category_path", postgresql_ops={"category_path": "varchar_pattern_ops"}),
)

product_search = Table(
    "product_search",
    metadata,
    # What a search reads of a product: written by triggers (migration 0031), so no writer of products can forget it.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("product_id", String(64), ForeignKey("products.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("code", _bytewise(64), nullable=False, comment="the SKU in lower case"),
    Column("name", _bytewise(1000), nullable=False, comment="folded words of the name"),
    Column("more", _bytewise(1000), nullable=False, comment="folded words that it may be found by besides"),
    Column("category", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column(
        "words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=True, comment="PostgreSQL: = marks a name's"
    ),
    Index("ix_product_search_name", "name", "number"),
    Index("ix_product_search_code", "code", "number"),
    Index("ix_product_search_category", "category", "name", "number"),
    Index("ix_product_search_words", "words", postgresql_using="gin").ddl_if(dialect="postgresql"),
)

search_words = Table(
    "search_words",
    metadata,
    # The words that names and categories are made of, for what was typed wrongly. A word stays when its product goes.
    Column("word", _bytewise(32), primary_key=True),
    Column("finish", _bytewise(32), nullable=False, index=True, comment="its second half"),
)

catalogue_changes = Table(
    "catalogue_changes",
    metadata,
    # Written by triggers on products, barcodes and prices (migration 0092); the row of a removed product stays.
    Column("product_id", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False, comment="of the transaction that changed it last"),
    Index("ix_catalogue_changes_number", "number", "product_id"),
)

former_prices = Table(
    "former_prices",
    metadata,
    Column("product_id", String(64), ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("version", BigInteger, nullable=False, comment="of the product, the last with this price"),
    Column("price_cents", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
    _price_per(),
    PrimaryKeyConstraint("product_id", "version"),
)

prices = Table(
    "prices",
    metadata,
    # Price lists; see backend.model.price_lists. Without a row a product costs what the catalogue says.
    Column("store_id", String(32), nullable=False, comment="* for all"),
    Column("product_id", String(64), ForeignKey("products.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("valid_from", Instant, nullable=False),
    Column(
        "price_cents",
        BigInteger,
        CheckConstraint("price_cents >= 0", name="price"),
        nullable=True,
        comment="without it: no list price from then on",
    ),
    Column("actor", String(64), nullable=False),
    _price_per(),
    PrimaryKeyConstraint("store_id", "product_id", "valid_from"),
)

barcodes = Table(
    "barcodes",
    metadata,
    Column("barcode", String(48), primary_key=True),
    Column("product_id", String(64), ForeignKey("products.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("quantity", Integer, CheckConstraint("quantity > 0", name="quantity"), nullable=False, server_default="1"),
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("display_name", String(200), nullable=False),
    Column("role", String(16), CheckConstraint("role IN ('clerk','supervisor','admin')", name="role"), nullable=False),
    Column("pin_hash", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column(
        "sign_outs",
        Integer,
        nullable=False,
        server_default="0",
        comment="how often the person was signed out everywhere; each time ends their offline grants",
    ),
)

user_stores = Table(
    "user_stores",
    metadata,
    Column("user_name", String(64), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("store_id", String(32), ForeignKey("stores.id"), nullable=False),
    PrimaryKeyConstraint("user_name", "store_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    # No foreign key: a session outlives its user for as long as the servers must know that it has ended.
    Column("user_name", String(64), nullable=False, index=True),
    Column("store_id", String(32), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("refresh_hash", String(64), nullable=False, comment="SHA-256 of the newest secret"),
    Column("previous_hash", String(64), nullable=False, server_default="", comment="SHA-256 of the secret before it"),
    Column("sealed_successor", String(100), nullable=False, server_default="", comment="see backend.auth.refresh"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Column("end_reason", String(16), nullable=False, server_default=""),
    Column("renewed_at", Instant, nullable=True, comment="when its terminal was last heard of, to some minutes"),
    Index("ix_sessions_store_id_expires_at", "store_id", "expires_at"),
    # Every server reads this index every second.
    Index(
        "ix_sessions_ended",
        "ended_at",
        postgresql_where=text("ended_at IS NOT NULL"),
        sqlite_where=text("ended_at IS NOT NULL"),
    ),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("subject", String(100), primary_key=True, comment="name:<user> or address:<network>"),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Instant, nullable=False),
)

stock = Table(
    "stock",
    metadata,
    Column("store_id", String(32), ForeignKey("stores.id"), nullable=False),
    Column("product_id", String(64), ForeignKey("products.id"), nullable=False),
    _count("on_hand"),
    _count("unavailable"),
    _count("allocated"),
    _count("reserved"),
    _count("incoming"),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("store_id", "product_id"),
    CheckConstraint("on_hand >= 0 AND unavailable >= 0 AND allocated >= 0 AND reserved >= 0", name="counters"),
    CheckConstraint("on_hand - unavailable - allocated - reserved >= 0", name="available"),
    # Both columns: whichever of the two indexes a plan takes, one entry is one row.
    Index("ix_stock_product_id_store_id", "product_id", "store_id", unique=True),
    # Room on each page for the next version of a row, which changes no index then (a heap-only update).
    postgresql_with={"fillfactor": "50"},
)

levels = Table(
    "levels",
    metadata,
    # Beside the stock row, which has to stay narrow: it is written anew with every sale.
    Column("store_id", String(32), ForeignKey("stores.id"), nullable=False),
    Column("product_id", String(64), ForeignKey("products.id"), nullable=False),
    _count("safety_stock"),
    _count("reorder_point"),
    _count("reorder_quantity"),
    _count("min_level"),
    _count("max_level"),
    PrimaryKeyConstraint("store_id", "product_id"),
    CheckConstraint(
        "safety_stock >= 0 AND reorder_point >= 0 AND reorder_quantity >= 0 AND min_level >= 0 AND max_level >= 0",
        name="levels",
    ),
)

approval_limits = Table(
    "approval_limits",
    metadata,
    # Above which a correction of stock waits for approval (backend.model.limits); no row: nothing waits.
    Column("store_id", String(32), ForeignKey("stores.id"), primary_key=True),
    Column("units", BigInteger, CheckConstraint("units >= 0", name="units"), nullable=True),
    Column("value_cents", BigInteger, CheckConstraint("value_cents >= 0", name="value_cents"), nullable=True),
    Column("updated_at", Instant, nullable=False),
)

seals = Table(
    "seals",
    metadata,
    # A head over the movements of a store's day, chained to the head of the day before (backend.seals).
    Column("store_id", String(32), nullable=False),
    Column("day", String(10), nullable=False, comment="in UTC, as 2026-11-24"),
    Column("movements", BigInteger, nullable=False),
    Column("previous", String(64), nullable=False, comment="the head before it; empty for the first"),
    Column("head", String(64), nullable=False, comment="SHA-256"),
    Column("marks", LargeBinary, nullable=False, comment="4 bytes of the digest of each movement"),
    Column("key_id", String(64), nullable=False, comment="of the signing key, as in its JWK"),
    Column("signature", LargeBinary, nullable=False, comment="Ed25519"),
    Column("sealed_at", Instant, nullable=False),
    PrimaryKeyConstraint("store_id", "day"),
)

alerts = Table(
    "alerts",
    metadata,
    # What a store was told last of a product that runs out (backend.model.alerts).
    Column("store_id", String(32), nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", BigInteger, nullable=False, comment="of the stock row it was judged by"),
    Column("at", Instant, nullable=False),
    Column("on_its_way", Boolean, nullable=False, server_default=false(), comment="what it lacks is incoming"),
    PrimaryKeyConstraint("store_id", "product_id"),
)

movements = Table(
    "movements",
    metadata,
    Column("store_id", String(32), nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("on_hand_change", BigInteger, nullable=False),
    Column("reserved_change", BigInteger, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("unavailable", BigInteger, nullable=False),
    Column("allocated", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("incoming", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("document_id", String(200), nullable=False),
    Column("command_id", Uuid, nullable=False),
    Column("at", Instant, nullable=False),
    Column("unavailable_change", BigInteger, nullable=False, server_default="0"),
    Column("allocated_change", BigInteger, nullable=False, server_default="0"),
    Column("incoming_change", BigInteger, nullable=False, server_default="0"),
    # The numbering is the second half of the optimistic lock: a version of a row can be written only once. On
    # PostgreSQL each monthly partition has this key (see `database.partitions`); a key of the whole would need `at`.
    PrimaryKeyConstraint("store_id", "product_id", "version").ddl_if(dialect="sqlite"),
    Index("ix_movements_store_id_at", "store_id", "at"),
    postgresql_partition_by="RANGE (at)",
)

openings = Table(
    "openings",
    metadata,
    # The balance of a row after the last of its movements that were archived: where the fold begins.
    Column("store_id", String(32), nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("unavailable", BigInteger, nullable=False),
    Column("allocated", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("incoming", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False, comment="units that the archived movements of kind sell took"),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("store_id", "product_id"),
)

schema_readers = Table(
    "schema_readers",
    metadata,
    Column(
        "revision",
        String(32),
        primary_key=True,
        comment="the newest migration that a release knows, which may run on this schema",
    ),
)

archives = Table(
    "archives",
    metadata,
    Column("until", Instant, primary_key=True, comment="all movements before this moment, of all stores"),
    Column("file_name", String(100), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("movements", BigInteger, nullable=False),
    Column("archived_at", Instant, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    # One row per held product. The rows of one hold share id, status, deadline and version and change together.
    Column("id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    Column("confirmed", BigInteger, nullable=False, server_default="0"),
    Column(
        "status",
        String(10),
        CheckConstraint("status IN ('PENDING','CONFIRMED','CANCELLED','EXPIRED')", name="status"),
        nullable=False,
    ),
    Column("expires_at", Instant, nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("id", "store_id", "product_id"),
    CheckConstraint("confirmed BETWEEN 0 AND quantity", name="confirmed"),
    # Literals, not parameters: only so do both databases match a partial index with a query's predicate.
    Index(
        "ix_reservations_due",
        "expires_at",
        postgresql_where=text("status = 'PENDING'"),
        sqlite_where=text("status = 'PENDING'"),
    ),
    Index(
        "ix_reservations_held",
        "store_id",
        "product_id",
        "expires_at",
        postgresql_where=text("status = 'PENDING'"),
        sqlite_where=text("status = 'PENDING'"),
    ),
)

allotments = Table(
    "allotments",
    metadata,
    # What is known of a terminal's allotment beside its hold, which has its units. Upkeep deletes what has ended.
    Column("id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("due_at", Instant, nullable=False, comment="when it becomes overdue"),
    Column("wanted", BigInteger, nullable=False, server_default="0", comment="units that others ask back"),
    Column("wanted_at", Instant, nullable=True),
    PrimaryKeyConstraint("id", "store_id"),
    Index("ix_allotments_store_id_due_at", "store_id", "due_at"),
)

draws = Table(
    "draws",
    metadata,
    # Units of sales that came out of allotments.
    Column("sale_id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("allotment_id", Uuid, nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    PrimaryKeyConstraint("sale_id", "store_id", "allotment_id"),
)

allotment_policies = Table(
    "allotment_policies",
    metadata,
    # How much a terminal may keep (backend.model.allotments); no row: the default.
    Column("store_id", String(32), ForeignKey("stores.id"), nullable=False),
    Column("product_id", String(64), nullable=False, comment="* for all of the store"),
    Column("units", BigInteger, CheckConstraint("units >= 0", name="units"), nullable=False),
    Column("minutes", Integer, CheckConstraint("minutes > 0", name="minutes"), nullable=False),
    Column(
        "beyond",
        String(16),
        CheckConstraint("beyond IN ('block','supervisor','allow')", name="beyond"),
        nullable=False,
    ),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("store_id", "product_id"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("fingerprint", String(32), nullable=False, comment="BLAKE2b of the command's content"),
    Column("answer", Text, nullable=False, comment="JSON; the answer that every retry gets", info=JSON_TEXT),
    Column("actor", String(64), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("id", "store_id"),
    # For the list of all acts; new entries go to the end of their store's part.
    Index("ix_commands_store_id_at_id", "store_id", "at", "id"),
    # Two servers settle two stores at the same time, and an id has one effect in all of them. What spans stores is
    # called transfer… and recorded in each of them.
    Index(
        "uq_commands_id",
        "id",
        unique=True,
        postgresql_where=text("kind NOT LIKE 'transfer%'"),
        sqlite_where=text("kind NOT LIKE 'transfer%'"),
    ),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("other_store_id", String(32), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("body", Text, nullable=False, comment="JSON of the struct of its kind", info=JSON_TEXT),
    PrimaryKeyConstraint("id", "store_id"),
    # Lists, latest first; a transfer is in the lists of both of its stores.
    Index("ix_documents_store", "store_id", "kind", "status", "updated_at"),
    Index("ix_documents_other_store", "other_store_id", "kind", "status", "updated_at"),
    Index("ix_documents_reference", "store_id", "kind", "reference"),
    # The few pickups whose hold may end, for all stores at once.
    Index(
        "ix_documents_pickups",
        "status",
        postgresql_where=text("kind = 'pickup'"),
        sqlite_where=text("kind = 'pickup'"),
    ),
)

sales = Table(
    "sales",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("receipt_number", String(40), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("sold_at", Instant, nullable=False),
    Column("made_at", Instant, nullable=True, comment="as its terminal says; null: when it was recorded"),
    PrimaryKeyConstraint("id", "store_id"),
    Index("ix_sales_store_id_sold_at", "store_id", "sold_at"),
    # The few that were told when they were made: counts look for those that came late.
    Index(
        "ix_sales_made_at",
        "store_id",
        "sold_at",
        postgresql_where=text("made_at IS NOT NULL"),
        sqlite_where=text("made_at IS NOT NULL"),
    ),
    Index(
        "uq_sales_receipt",
        "store_id",
        "receipt_number",
        unique=True,
        postgresql_where=text("receipt_number <> ''"),
        sqlite_where=text("receipt_number <> ''"),
    ),
)

sale_lines = Table(
    "sale_lines",
    metadata,
    Column("sale_id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("line", Integer, nullable=False),
    Column("product_id", String(64), nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("short", BigInteger, nullable=False, server_default="0", comment="units that no movement took: shortfalls"),
    _price_per(),
    PrimaryKeyConstraint("sale_id", "store_id", "line"),
    ForeignKeyConstraint(["sale_id", "store_id"], ["sales.id", "sales.store_id"]),
)

sale_line_pricing = Table(
    "sale_line_pricing",
    metadata,
    # How a line's price came about; most lines have no row here, and a sale without one writes none.
    Column("sale_id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("line", Integer, nullable=False),
    Column("list_price_cents", BigInteger, nullable=True, comment="of a unit without discount"),
    Column("discount_reason", String(200), nullable=False),
    Column("tax_rate_bp", Integer, nullable=True, comment="hundredths of a percent"),
    Column("tax_cents", BigInteger, nullable=True, comment="of the whole line"),
    Column("tax_included", Boolean, nullable=True, comment="else it is added to the price"),
    PrimaryKeyConstraint("sale_id", "store_id", "line"),
)

tenders = Table(
    "tenders",
    metadata,
    # Money that changed hands. Without foreign key: a return has rows too, under its command's id.
    Column("id", Uuid, nullable=False, comment="of the sale, or of the command that gave the money back"),
    Column("store_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sale_id", Uuid, nullable=True, comment="none for goods without a receipt"),
    Column("terminal_id", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_cents", BigInteger, nullable=False, comment="below zero: given back"),
    Column("given_cents", BigInteger, nullable=True, comment="cash that was handed over"),
    Column("reference", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("id", "store_id", "number"),
    # What a drawer should hold: the tenders of a terminal in a time.
    Index("ix_tenders_drawer", "store_id", "terminal_id", "at"),
    Index("ix_tenders_sale", "sale_id", "store_id"),
)

outbox = Table(
    "outbox",
    metadata,
    # One row, and one message, per batch and store: narrow, and gone as soon as NATS has acknowledged it.
    Column("id", Uuid, nullable=False),
    Column("store_id", String(32), nullable=False),
    Column("payload", Text, nullable=False, comment="JSON of backend.events.Message", info=JSON_TEXT),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("id", "store_id"),
)

terminal_acts = Table(
    "terminal_acts",
    metadata,
    # Each number of a terminal's journal belongs to one act, so a copy of its file is noticed. Kept as long as
    # command ids are.
    Column("journal", String(16), nullable=False, comment="names the terminal's file"),
    Column("sequence", BigInteger, nullable=False),
    Column("store_id", String(32), nullable=False, comment="where its sender was signed in"),
    Column("command_id", Uuid, nullable=False, comment="of the act's last command"),
    Column("actor", String(64), nullable=False, comment="who did it, as the terminal says"),
    Column("told_by", String(64), nullable=False, comment="who was signed in when it was sent"),
    Column("told_at", Instant, nullable=False),
    PrimaryKeyConstraint("journal", "sequence", "store_id"),
    Index("ix_terminal_acts_told_at", "told_at"),
)

terminal_journals = Table(
    "terminal_journals",
    metadata,
    # What `terminal_acts` sum up to: the newest number, and by how many told ones a missing one is known.
    Column("store_id", String(32), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("journal", String(16), nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("acts", BigInteger, nullable=False, comment="how many numbers were told"),
    Column("by_others", BigInteger, nullable=False, comment="told by somebody else than who did them"),
    Column("told_at", Instant, nullable=False),
    PrimaryKeyConstraint("store_id", "terminal_id", "journal"),
    Index("ix_terminal_journals_journal", "journal"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("store_id", String(32), nullable=False, comment="* for all"),
    Column("kinds", String(200), nullable=False, comment="words"),
    # Empty once it is sealed. A server of the release before writes it in clear, and the next look seals that.
    Column("secret", String(64), nullable=False, comment="whsec_ and base64, as its receiver has it"),
    Column("created_by", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("sealed", String(200), nullable=True, comment="the secret; see webhooks/sealing.py"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    # What is owed to a webhook: written when its message leaves the outbox, deleted when it was received.
    Column("webhook_id", String(32), ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Uuid, nullable=False, comment="the id that the message had in the outbox"),
    Column("store_id", String(32), nullable=False),
    Column("payload", Text, nullable=False, comment="JSON of backend.events.Message", info=JSON_TEXT),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant, nullable=True, comment="when to try; without it: a dead letter"),
    Column("last_error", String(200), nullable=False, server_default=""),
    PrimaryKeyConstraint("webhook_id", "event_id", "store_id"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_at",
        postgresql_where=text("next_at IS NOT NULL"),
        sqlite_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_dead",
        "webhook_id",
        "event_id",
        postgresql_where=text("next_at IS NULL"),
        sqlite_where=text("next_at IS NULL"),
    ),
)

audit = Table(
    "audit",
    metadata,
    # What people and machines did outside the ledger; `commands` and `movements` tell what they did inside it.
    Column("store_id", String(32), nullable=False, comment="* for what belongs to the whole chain"),
    Column("at", Instant, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("before", Text, nullable=True, comment="JSON", info=JSON_TEXT),
    Column("after", Text, nullable=True, comment="JSON", info=JSON_TEXT),
    Column("request_id", String(64), nullable=False),
    # In the order in which it is read.
    PrimaryKeyConstraint("store_id", "at", "id"),
)

once = Table(
    "once",
    metadata,
    # What a request outside the ledger answered first; see `database.once`.
    Column("id", LargeBinary(16), nullable=False, comment="BLAKE2b of caller and Idempotency-Key"),
    Column("fingerprint", String(32), nullable=False, comment="BLAKE2b of what the request said"),
    Column("answer", Text, nullable=False, comment="JSON, sealed with the Idempotency-Key"),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("secret_hash", String(64), nullable=False, comment="SHA-256"),
    Column("name", String(200), nullable=False),
    Column("scopes", Text, nullable=False, comment="words"),
    Column("stores", Text, nullable=False, comment="words; * for all"),
    Column("terminal_id", String(64), nullable=False, server_default="", comment="of a terminal's own key"),
    Column("created_by", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("last_used_at", Instant, nullable=True, comment="to about a minute"),
)

terminals = Table(
    "terminals",
    metadata,
    Column("store_id", String(32), ForeignKey("stores.id"), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    # Either a code that waits to be typed, or the key that it was traded for.
    Column("code_hash", String(64), nullable=True, index=True, comment="SHA-256"),
    Column("code_expires_at", Instant, nullable=True),
    Column("key_id", String(32), nullable=True),
    Column("created_by", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("store_id", "terminal_id"),
)

terminal_ids = Table(
    "terminal_ids",
    metadata,
    # What the server called terminals that nobody enrolled; none is ever given again.
    Column("id", String(64), primary_key=True),
    Column("store_id", String(32), nullable=False),
    Column("user_name", String(64), nullable=False, comment="who signed in first"),
    Column("allotted_at", Instant, nullable=False),
)
