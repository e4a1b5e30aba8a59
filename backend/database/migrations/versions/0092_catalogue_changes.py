"""What changed of the catalogue, for terminals that keep a copy of it: product by product, when its last change was.

Revision: 0092
Follows: 0082

Servers of the release before write products, barcodes and prices without knowing of it; so triggers keep it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its triggers. A product without a row has not changed since."""
    op.create_table(
        "catalogue_changes",
        sa.Column("product_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of the transaction that changed it last"),
    )
    op.create_index("ix_catalogue_changes_number", "catalogue_changes", ["number", "product_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("""CREATE FUNCTION mostrador_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
            -- The argument names the column with the product's id.
            BEGIN
                INSERT INTO catalogue_changes (product_id, number)
                    SELECT DISTINCT to_jsonb(changed) ->> TG_ARGV[0], pg_current_xact_id()::text::bigint
                    FROM changed ORDER BY 1
                    ON CONFLICT (product_id) DO UPDATE SET number = excluded.number
                        WHERE catalogue_changes.number <> excluded.number;
                RETURN NULL;
            END
        $$""")
        op.execute("""CREATE TRIGGER catalogue_product_added AFTER INSERT ON products
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('id')""")
        op.execute("""CREATE TRIGGER catalogue_product_changed AFTER UPDATE ON products
            REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('id')""")
        op.execute("""CREATE TRIGGER catalogue_product_removed AFTER DELETE ON products
            REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('id')""")
        op.execute("""CREATE TRIGGER catalogue_barcode_added AFTER INSERT ON barcodes REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('product_id')""")
        op.execute("""CREATE TRIGGER catalogue_barcode_changed AFTER UPDATE ON barcodes REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('product_id')""")
        op.execute("""CREATE TRIGGER catalogue_barcode_removed AFTER DELETE ON barcodes REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('product_id')""")
        op.execute("""CREATE TRIGGER catalogue_price_added AFTER INSERT ON prices REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('product_id')""")
        op.execute("""CREATE TRIGGER catalogue_price_changed AFTER UPDATE ON prices REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('product_id')""")
        op.execute("""CREATE TRIGGER catalogue_price_removed AFTER DELETE ON prices REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mostrador_catalogue_changed('product_id')""")
    else:
        op.execute("""CREATE VIEW catalogue_number AS
            SELECT coalesce(max(number), 0) + 1 AS next FROM catalogue_changes""")
        op.execute("""CREATE TRIGGER catalogue_product_added AFTER INSERT ON products BEGIN
            INSERT INTO catalogue_changes VALUES (NEW.id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_product_changed AFTER UPDATE ON products BEGIN
            INSERT INTO catalogue_changes VALUES (NEW.id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_product_removed AFTER DELETE ON products BEGIN
            INSERT INTO catalogue_changes VALUES (OLD.id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_barcode_added AFTER INSERT ON barcodes BEGIN
            INSERT INTO catalogue_changes VALUES (NEW.product_id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_barcode_changed AFTER UPDATE ON barcodes BEGIN
            INSERT INTO catalogue_changes VALUES (NEW.product_id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_barcode_removed AFTER DELETE ON barcodes BEGIN
            INSERT INTO catalogue_changes VALUES (OLD.product_id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_price_added AFTER INSERT ON prices BEGIN
            INSERT INTO catalogue_changes VALUES (NEW.product_id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_price_changed AFTER UPDATE ON prices BEGIN
            INSERT INTO catalogue_changes VALUES (NEW.product_id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
        op.execute("""CREATE TRIGGER catalogue_price_removed AFTER DELETE ON prices BEGIN
            INSERT INTO catalogue_changes VALUES (OLD.product_id, (SELECT next FROM catalogue_number))
                ON CONFLICT (product_id) DO UPDATE SET number = excluded.number;
        END""")
