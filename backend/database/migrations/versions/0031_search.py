"""The search of the catalogue: its table, its words, their indexes, and the triggers that keep them current.

Revision: 0031
Follows: 0030

Servers of the release before write products without knowing of it; so the database itself keeps it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and triggers, and take the products in that are there."""

    def bytewise(length: int) -> sa.String:
        return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")

    op.create_table(
        "product_search",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column(
            "product_id", sa.String(64), sa.ForeignKey("products.id", ondelete="CASCADE"), nullable=False, unique=True
        ),
        sa.Column("code", bytewise(64), nullable=False, comment="the SKU in lower case"),
        sa.Column("name", bytewise(1000), nullable=False, comment="folded words of the name"),
        sa.Column("more", bytewise(1000), nullable=False, comment="folded words that it may be found by besides"),
        sa.Column("category", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column(
            "words",
            sa.Text().with_variant(TSVECTOR(), "postgresql"),
            nullable=True,
            comment="PostgreSQL: = marks a name's",
        ),
    )
    op.create_index("ix_product_search_name", "product_search", ["name", "number"])
    op.create_index("ix_product_search_code", "product_search", ["code", "number"])
    op.create_index("ix_product_search_category", "product_search", ["category", "name", "number"])
    op.create_table(
        "search_words",
        sa.Column("word", bytewise(32), primary_key=True),
        sa.Column("finish", bytewise(32), nullable=False, comment="its second half"),
    )
    op.create_index("ix_search_words_finish", "search_words", ["finish"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_product_search_words", "product_search", ["words"], postgresql_using="gin")
        op.execute("""CREATE FUNCTION mostrador_search_more(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            -- The SKU is the last of the words. One with digits is found by its beginning, and is no word.
            SELECT CASE WHEN $2 ~ '[0-9]' AND right(' ' || $1, length($2) + 1) = ' ' || $2
                THEN rtrim(left($1, -length($2))) ELSE $1 END
        $$""")
        op.execute("""CREATE FUNCTION mostrador_search_words(text, text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
            SELECT array_to_tsvector(coalesce(array_agg(DISTINCT lexeme), '{}')) FROM (
                SELECT left(word, 64) AS lexeme FROM unnest(string_to_array($1 || ' ' || $2, ' ')) word WHERE word <> ''
                UNION ALL
                SELECT '=' || left(word, 64) FROM unnest(string_to_array($1, ' ')) word WHERE word <> ''
            ) lexemes
        $$""")
        op.execute("""CREATE FUNCTION mostrador_search_learn() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO search_words (word, finish)
                    SELECT DISTINCT word, substr(word, length(word) / 2 + 1)
                    FROM new_rows, unnest(string_to_array(name || ' ' || more, ' ')) word
                    WHERE length(word) BETWEEN 3 AND 32 AND word !~ '[0-9]'
                    ORDER BY word
                    ON CONFLICT (word) DO NOTHING;
                RETURN NULL;
            END
        $$""")
        op.execute("""CREATE TRIGGER product_search_added AFTER INSERT ON product_search
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mostrador_search_learn()""")
        op.execute("""CREATE TRIGGER product_search_changed AFTER UPDATE ON product_search
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mostrador_search_learn()""")
        op.execute("""CREATE FUNCTION mostrador_search_keep() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO product_search (product_id, code, name, more, category, active, words)
                    SELECT id, lower(sku), name_words, more_words, category, active,
                        CASE WHEN active THEN mostrador_search_words(name_words, more_words) END
                    FROM new_rows,
                        split_part(search_text, ' | ', 1) name_words,
                        mostrador_search_more(split_part(search_text, ' | ', 2), lower(sku)) more_words
                    WHERE NOT EXISTS (SELECT FROM product_search known WHERE known.product_id = new_rows.id
                        AND (known.code, known.name, known.more, known.category, known.active)
                        = (lower(sku), name_words, more_words, new_rows.category, new_rows.active))
                    ON CONFLICT (product_id) DO UPDATE SET code = excluded.code, name = excluded.name,
                        more = excluded.more, category = excluded.category, active = excluded.active,
                        words = excluded.words;
                RETURN NULL;
            END
        $$""")
        op.execute("""CREATE TRIGGER products_added AFTER INSERT ON products
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mostrador_search_keep()""")
        op.execute("""CREATE TRIGGER products_changed AFTER UPDATE ON products
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mostrador_search_keep()""")
        op.execute("""INSERT INTO product_search (product_id, code, name, more, category, active, words)
            SELECT id, lower(sku), name_words, more_words, category, active,
                mostrador_search_words(name_words, more_words)
            FROM products, split_part(search_text, ' | ', 1) name_words,
                mostrador_search_more(split_part(search_text, ' | ', 2), lower(sku)) more_words""")
    else:
        op.execute("""CREATE VIRTUAL TABLE product_words USING fts5(
            name, more, content='product_search', content_rowid='number', tokenize='ascii', detail=column,
            prefix='1 2 3')""")
        op.execute("""CREATE VIEW products_to_search AS
            SELECT id, lower(sku) AS code, name, category, active,
                -- The SKU is the last of the words. One with digits is found by its beginning, and is no word.
                CASE WHEN sku GLOB '*[0-9]*' AND substr(' ' || more, -length(sku) - 1) = ' ' || lower(sku)
                    THEN rtrim(substr(more, 1, length(more) - length(sku))) ELSE more END AS more
            FROM (SELECT id, sku, category, active,
                    CASE instr(search_text, ' | ') WHEN 0 THEN search_text
                        ELSE substr(search_text, 1, instr(search_text, ' | ') - 1) END AS name,
                    CASE instr(search_text, ' | ') WHEN 0 THEN ''
                        ELSE substr(search_text, instr(search_text, ' | ') + 3) END AS more
                FROM products)""")
        op.execute("""CREATE TRIGGER products_added AFTER INSERT ON products BEGIN
            INSERT INTO product_search (product_id, code, name, more, category, active)
                SELECT id, code, name, more, category, active FROM products_to_search WHERE id = NEW.id;
        END""")
        op.execute("""CREATE TRIGGER products_changed AFTER UPDATE OF sku, search_text, category, active ON products
            BEGIN
            UPDATE product_search SET (code, name, more, category, active) =
                (SELECT code, name, more, category, active FROM products_to_search WHERE id = NEW.id)
                WHERE product_id = NEW.id;
        END""")
        op.execute("""CREATE TRIGGER product_search_added AFTER INSERT ON product_search BEGIN
            INSERT INTO product_words (rowid, name, more) SELECT NEW.number, NEW.name, NEW.more WHERE NEW.active;
            INSERT OR IGNORE INTO search_words (word, finish)
                SELECT value, substr(value, length(value) / 2 + 1)
                FROM json_each('["' || replace(NEW.name || ' ' || NEW.more, ' ', '","') || '"]')
                WHERE length(value) BETWEEN 3 AND 32 AND value NOT GLOB '*[0-9]*';
        END""")
        op.execute("""CREATE TRIGGER product_search_changed AFTER UPDATE OF name, more, active ON product_search
            WHEN OLD.name <> NEW.name OR OLD.more <> NEW.more OR OLD.active <> NEW.active BEGIN
            INSERT INTO product_words (product_words, rowid, name, more)
                SELECT 'delete', OLD.number, OLD.name, OLD.more WHERE OLD.active;
            INSERT INTO product_words (rowid, name, more) SELECT NEW.number, NEW.name, NEW.more WHERE NEW.active;
            INSERT OR IGNORE INTO search_words (word, finish)
                SELECT value, substr(value, length(value) / 2 + 1)
                FROM json_each('["' || replace(NEW.name || ' ' || NEW.more, ' ', '","') || '"]')
                WHERE length(value) BETWEEN 3 AND 32 AND value NOT GLOB '*[0-9]*';
        END""")
        op.execute("""CREATE TRIGGER product_search_removed AFTER DELETE ON product_search WHEN OLD.active BEGIN
            INSERT INTO product_words (product_words, rowid, name, more)
                VALUES ('delete', OLD.number, OLD.name, OLD.more);
        END""")
        op.execute("""INSERT INTO product_search (product_id, code, name, more, category, active)
            SELECT id, code, name, more, category, active FROM products_to_search""")
