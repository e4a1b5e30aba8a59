"""What every part shares of the database: engine, tables, migrations, reads and writes, errors."""
