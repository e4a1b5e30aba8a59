-- What one reservation costs a program that uses the database directly: the conditional UPDATE and the same four INSERTs.
\set product random(1, :products)
\set store random(1, :stores)
BEGIN;
UPDATE stock SET reserved = reserved + 1, version = version + 1, updated_at = now()
    WHERE store_id = 'S' || :store AND product_id = 'P' || :product
    AND on_hand - unavailable - allocated - reserved >= 1
    RETURNING version AS version, on_hand AS on_hand, reserved AS reserved \gset
INSERT INTO reservations (id, store_id, product_id, quantity, status, expires_at, customer_id, actor, terminal_id,
    created_at, updated_at, version)
    VALUES (gen_random_uuid(), 'S' || :store, 'P' || :product, 1, 'PENDING', now() + interval '15 min', '', 'ana', 'T1',
    now(), now(), 1);
INSERT INTO movements (store_id, product_id, version, kind, reason, on_hand_change, reserved_change, on_hand, unavailable,
    allocated, reserved, incoming, actor, terminal_id, document_id, command_id, at)
    VALUES ('S' || :store, 'P' || :product, :version, 'reserve', '', 0, 1, :on_hand, 0, 0, :reserved, 0, 'ana', 'T1',
    gen_random_uuid()::text, gen_random_uuid(), now());
INSERT INTO commands (id, store_id, kind, fingerprint, answer, actor, terminal_id, at)
    VALUES (gen_random_uuid(), 'S' || :store, 'reserve', repeat('ab', 16), repeat('x', :answer), 'ana', 'T1',
    now());
INSERT INTO outbox (id, store_id, payload, created_at)
    VALUES (gen_random_uuid(), 'S' || :store, repeat('x', :payload), now());
COMMIT;
