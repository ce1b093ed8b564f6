-- SPDX-License-Identifier: Apache-2.0
-- Comments stand inside the statements: SQLite keeps them with the schema,
-- where an auditor who opens the database reads them. Times are milliseconds
-- since the Unix epoch, UTC. Checks of tables that grow by thousands of rows a
-- second compare one by one: for a list, SQLite builds a table at every row.

CREATE TABLE shard (
  -- State of our own log, shard by shard; the newest one takes leaves. The
  -- frontier is the size and the roots of the greatest complete subtrees
  -- (RFC 9162 §2.1). The final note is the signed checkpoint that the next
  -- shard was opened on.
  number INTEGER PRIMARY KEY,
  origin TEXT NOT NULL UNIQUE,
  first_position INTEGER NOT NULL,
  size INTEGER NOT NULL,
  frontier BLOB NOT NULL,
  is_closed INTEGER NOT NULL CHECK (is_closed IN (0, 1)),
  final_note BLOB NOT NULL
) STRICT;

CREATE TRIGGER shard_is_never_deleted BEFORE DELETE ON shard
BEGIN
  SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TRIGGER shard_is_final BEFORE UPDATE ON shard
WHEN OLD.is_closed
  AND (NEW.size <> OLD.size OR NOT NEW.is_closed OR length(OLD.final_note) > 0)
BEGIN
  SELECT RAISE(ABORT, 'nothing goes into a closed shard');
END;

CREATE TABLE leaf (
  -- Leaves of our own log, exact bytes. A position counts over all shards, as
  -- do the leaf indexes of other tables; the index in the shard is the position
  -- less the shard's first one.
  position INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

CREATE TRIGGER leaf_is_never_changed BEFORE UPDATE ON leaf
BEGIN
  SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TRIGGER leaf_is_never_deleted BEFORE DELETE ON leaf
BEGIN
  SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TABLE tile (
  -- Hashes of a shard's tree, 256 of 32 bytes in a full tile (C2SP tlog-tiles).
  shard INTEGER NOT NULL REFERENCES shard (number),
  level INTEGER NOT NULL,
  tile_index INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (shard, level, tile_index)
) STRICT;

CREATE TABLE peer (
  -- Nodes whose cards were accepted, with the newest card's signed envelope.
  name TEXT PRIMARY KEY,
  envelope BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('accepted', 'suspended', 'removed')),
  accepted_ms INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE card (
  -- Every card that was in force, own and peers': signed envelopes, exact bytes.
  -- Old signatures are judged by the keys of their time.
  number INTEGER PRIMARY KEY,
  node TEXT NOT NULL,
  envelope BLOB NOT NULL,
  UNIQUE (node, envelope)
) STRICT;

CREATE TRIGGER card_is_never_changed BEFORE UPDATE ON card
BEGIN
  SELECT RAISE(ABORT, 'cards are only added');
END;

CREATE TRIGGER card_is_never_deleted BEFORE DELETE ON card
BEGIN
  SELECT RAISE(ABORT, 'cards are only added');
END;

CREATE TABLE peer_checkpoint (
  -- Verified checkpoints of peers' logs: exact signed notes, never two roots
  -- for one size of one shard.
  peer TEXT NOT NULL,
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  note BLOB NOT NULL,
  PRIMARY KEY (peer, origin, size)
) STRICT;

CREATE TABLE link (
  -- How far the exchange with each peer has come. The size that the peer has
  -- acknowledged counts the leaves of all our shards.
  peer TEXT PRIMARY KEY,
  checkpoint_origin TEXT,
  checkpoint_size INTEGER,
  acknowledged_size INTEGER NOT NULL,
  received_sequence INTEGER NOT NULL,
  sent_sequence INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_ms INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  last_contact_ms INTEGER,
  FOREIGN KEY (peer, checkpoint_origin, checkpoint_size)
    REFERENCES peer_checkpoint (peer, origin, size)
) STRICT;

CREATE TABLE message (
  -- What was published or received, without its payload. Rows are never
  -- deleted, so the number only ascends.
  number INTEGER PRIMARY KEY,
  direction TEXT NOT NULL CHECK (direction = 'in' OR direction = 'out'),
  message_id BLOB NOT NULL CHECK (length(message_id) = 16),
  version INTEGER NOT NULL CHECK (version >= 1),
  originator TEXT NOT NULL,
  category TEXT NOT NULL,
  record_type TEXT NOT NULL,
  status TEXT NOT NULL,
  lane INTEGER NOT NULL CHECK (lane BETWEEN 1 AND 3),
  level TEXT NOT NULL,
  tlp TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER,
  stored_ms INTEGER NOT NULL,
  holding TEXT NOT NULL
    CHECK (holding = 'current' OR holding = 'superseded'
           OR holding = 'quarantined' OR holding = 'refused'
           OR holding = 'erased' OR holding = 'discarded'),
  warnings INTEGER NOT NULL,
  author TEXT NOT NULL, -- officer who published it; empty for a received one
  acknowledged_ms INTEGER,
  acknowledged_by TEXT NOT NULL,
  -- Where it stands among the arrivals when it came out of quarantine: a number
  -- out of the same sequence as the first column, which no message has.
  arrival INTEGER,
  review_ms INTEGER, -- when its author wants it looked at again
  legal_hold TEXT NOT NULL -- code of the legal hold it is under, or empty
) STRICT;

CREATE UNIQUE INDEX message_identity
  ON message (message_id, originator, direction, version);
CREATE INDEX message_direction ON message (direction);
CREATE INDEX message_category ON message (category);
CREATE INDEX message_originator ON message (originator);
CREATE INDEX message_stored ON message (stored_ms);
CREATE INDEX message_unusual_status ON message (status)
  WHERE status <> 'current';
CREATE INDEX message_unacknowledged ON message (holding)
  WHERE direction = 'in' AND acknowledged_ms IS NULL;
CREATE INDEX message_quarantined ON message (holding)
  WHERE holding = 'quarantined';
CREATE UNIQUE INDEX message_arrival ON message (arrival)
  WHERE arrival IS NOT NULL;

CREATE INDEX message_expiring ON message (expires_ms)
  WHERE expires_ms IS NOT NULL
    AND holding NOT IN ('erased', 'discarded') AND legal_hold = '';
CREATE INDEX message_aging ON message (category, min(created_ms, stored_ms))
  WHERE holding NOT IN ('erased', 'discarded') AND legal_hold = '';
CREATE INDEX message_to_review ON message (holding)
  WHERE holding = 'current' AND review_ms IS NOT NULL;
CREATE INDEX message_legal_hold ON message (legal_hold) WHERE legal_hold <> '';

CREATE TRIGGER message_is_never_deleted BEFORE DELETE ON message
BEGIN
  SELECT RAISE(ABORT, 'messages are erased, not deleted');
END;

CREATE TABLE data_key (
  -- The key of each payload under the store key. Rows are only appended, so
  -- SQLite never moves one; erasing overwrites it with zeros where it stands.
  message INTEGER PRIMARY KEY,
  wrapped_key BLOB NOT NULL
) STRICT;

CREATE TRIGGER data_key_is_never_deleted BEFORE DELETE ON data_key
BEGIN
  SELECT RAISE(ABORT, 'keys are overwritten, not deleted');
END;

CREATE TABLE payload (
  -- The record under its data key. Erasing deletes the row.
  message INTEGER PRIMARY KEY,
  ciphertext BLOB NOT NULL,
  selectors BLOB NOT NULL -- 16-byte keyed hashes one after another
) STRICT;

CREATE TABLE selector (
  -- Keyed hashes of identifying values, by which messages are found. A
  -- segment is a run of 2048 messages: new rows fall on few pages.
  segment INTEGER NOT NULL,
  hash BLOB NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (segment, hash, message)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  -- One message on its way to one peer. The leaf index is that of the offer,
  -- withhold or hold leaf in our log. The lists are JSON: what a person has
  -- still to do before it may leave, what persons have done, and the fields
  -- that were withheld from the message as it was offered.
  number INTEGER PRIMARY KEY,
  message INTEGER NOT NULL REFERENCES message (number),
  peer TEXT NOT NULL,
  lane INTEGER NOT NULL CHECK (lane BETWEEN 1 AND 3),
  state TEXT NOT NULL
    CHECK (state = 'queued' OR state = 'offered' OR state = 'accepted'
           OR state = 'refused' OR state = 'quarantined' OR state = 'withheld'
           OR state = 'dead' OR state = 'held'),
  queued_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  sequence INTEGER,
  leaf_index INTEGER,
  reason TEXT NOT NULL,
  settled_ms INTEGER,
  held_ms INTEGER, -- since when it waits for a person
  obligations TEXT NOT NULL,
  approved TEXT NOT NULL,
  redacted TEXT NOT NULL,
  UNIQUE (message, peer)
) STRICT;

CREATE INDEX outbox_peer ON outbox (peer);
CREATE INDEX outbox_queued ON outbox (peer, lane DESC, number)
  WHERE state = 'queued';
CREATE UNIQUE INDEX outbox_leaf ON outbox (leaf_index)
  WHERE leaf_index IS NOT NULL;
CREATE INDEX outbox_unusual_state ON outbox (state, peer)
  WHERE state NOT IN ('queued', 'accepted');

CREATE INDEX outbox_held ON outbox (state) WHERE state = 'held';
CREATE INDEX outbox_held_since ON outbox (held_ms) WHERE state = 'held';

CREATE TABLE queue_count (
  -- How many outbox entries are in each state. The two moves that nearly every
  -- entry makes are counted by the node, a batch at once, others by triggers.
  peer TEXT NOT NULL,
  state TEXT NOT NULL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (peer, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outbox_added AFTER INSERT ON outbox
BEGIN
  INSERT INTO queue_count VALUES (NEW.peer, NEW.state, 1)
    ON CONFLICT DO UPDATE SET entries = entries + 1;
END;

CREATE TRIGGER outbox_moved AFTER UPDATE OF state ON outbox
WHEN OLD.state <> NEW.state
  AND NOT (OLD.state = 'queued' AND NEW.state = 'offered')
  AND NOT (OLD.state = 'offered' AND NEW.state = 'accepted')
BEGIN
  UPDATE queue_count SET entries = entries - 1
    WHERE peer = OLD.peer AND state = OLD.state;
  INSERT INTO queue_count VALUES (NEW.peer, NEW.state, 1)
    ON CONFLICT DO UPDATE SET entries = entries + 1;
END;

CREATE TABLE review (
  -- What persons decided on an outbox entry or on a quarantined message: one of
  -- both is named. The leaf says the same without the name and the words.
  number INTEGER PRIMARY KEY,
  entry INTEGER REFERENCES outbox (number),
  message INTEGER REFERENCES message (number),
  act TEXT NOT NULL CHECK (act IN ('approve', 'refuse')),
  officer TEXT NOT NULL,
  reason TEXT NOT NULL,
  note TEXT NOT NULL,
  decided_ms INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL UNIQUE,
  CHECK ((entry IS NULL) <> (message IS NULL))
) STRICT;

CREATE INDEX review_entry ON review (entry) WHERE entry IS NOT NULL;
CREATE INDEX review_message ON review (message) WHERE message IS NOT NULL;

CREATE TRIGGER review_is_never_changed BEFORE UPDATE ON review
BEGIN
  SELECT RAISE(ABORT, 'decisions are only added');
END;

CREATE TRIGGER review_is_never_deleted BEFORE DELETE ON review
BEGIN
  SELECT RAISE(ABORT, 'decisions are only added');
END;

CREATE TABLE erasure (
  -- What was erased, why and when, and by whom; nobody is named where the node
  -- did so by itself. The leaf says the same without the name.
  number INTEGER PRIMARY KEY,
  message INTEGER NOT NULL UNIQUE REFERENCES message (number),
  reason TEXT NOT NULL,
  officer TEXT NOT NULL,
  erased_ms INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TRIGGER erasure_is_never_changed BEFORE UPDATE ON erasure
BEGIN
  SELECT RAISE(ABORT, 'erasures are only added');
END;

CREATE TRIGGER erasure_is_never_deleted BEFORE DELETE ON erasure
BEGIN
  SELECT RAISE(ABORT, 'erasures are only added');
END;

CREATE TABLE legal_hold (
  -- Who put a message under legal hold or released it; the last act counts. The
  -- leaf says the same without the name.
  number INTEGER PRIMARY KEY,
  message INTEGER NOT NULL REFERENCES message (number),
  act TEXT NOT NULL CHECK (act IN ('set', 'release')),
  code TEXT NOT NULL,
  officer TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL UNIQUE
) STRICT;

CREATE INDEX legal_hold_message ON legal_hold (message);

CREATE TRIGGER legal_hold_is_never_changed BEFORE UPDATE ON legal_hold
BEGIN
  SELECT RAISE(ABORT, 'legal holds are only added');
END;

CREATE TRIGGER legal_hold_is_never_deleted BEFORE DELETE ON legal_hold
BEGIN
  SELECT RAISE(ABORT, 'legal holds are only added');
END;

CREATE TABLE outgoing_batch (
  -- Batches that we formed. They are open until the peer's receipts are kept,
  -- which stand in peer_leaf. The origin is that of the peer's shard that the
  -- receipts are in.
  peer TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  first_leaf INTEGER NOT NULL,
  count INTEGER NOT NULL,
  offered_ms INTEGER NOT NULL,
  origin TEXT,
  first_receipt INTEGER,
  proof BLOB,
  checkpoint_size INTEGER,
  PRIMARY KEY (peer, sequence)
) STRICT;

CREATE INDEX outgoing_batch_open ON outgoing_batch (peer, sequence)
  WHERE first_receipt IS NULL;

CREATE TABLE incoming_batch (
  -- Batches that we accepted, and where our receipts stand in our log. The
  -- offers stand in peer_leaf; the origin is that of their shard.
  peer TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  first_receipt INTEGER NOT NULL,
  count INTEGER NOT NULL,
  origin TEXT NOT NULL,
  first_offer INTEGER NOT NULL,
  proof BLOB NOT NULL,
  checkpoint_size INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  PRIMARY KEY (peer, sequence)
) STRICT;

CREATE TABLE arrival (
  -- Which batch brought a received message, and where it stood in it.
  message INTEGER PRIMARY KEY REFERENCES message (number),
  peer TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  position INTEGER NOT NULL
) STRICT;

CREATE TABLE peer_shard (
  -- Shards of peers' logs that we hold leaves of.
  number INTEGER PRIMARY KEY,
  peer TEXT NOT NULL,
  origin TEXT NOT NULL,
  UNIQUE (peer, origin)
) STRICT;

CREATE TABLE peer_leaf (
  -- Leaves of peers' logs that we verified, exact bytes, by their index in
  -- their shard.
  shard INTEGER NOT NULL REFERENCES peer_shard (number),
  leaf_index INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'offer' OR kind = 'receipt'),
  data BLOB NOT NULL,
  PRIMARY KEY (shard, leaf_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE peer_review (
  -- What a peer's reviewer decided about a message that it had quarantined: a leaf
  -- of its log, exact bytes, with the proof that it stands there.
  entry INTEGER PRIMARY KEY REFERENCES outbox (number),
  origin TEXT NOT NULL,
  leaf BLOB NOT NULL,
  leaf_index INTEGER NOT NULL,
  proof BLOB NOT NULL,
  checkpoint_size INTEGER NOT NULL
) STRICT;

CREATE TABLE officer (
  -- People and systems that may use the desk; lists are JSON.
  officer_id TEXT PRIMARY KEY,
  agency TEXT NOT NULL,
  roles TEXT NOT NULL,
  functions TEXT NOT NULL,
  certificate BLOB NOT NULL UNIQUE CHECK (length(certificate) = 32),
  not_after_ms INTEGER NOT NULL,
  revoked_ms INTEGER
) STRICT;

CREATE TABLE incident (
  -- What an operator must see, counted for each peer and reason.
  peer TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  PRIMARY KEY (peer, reason)
) STRICT;

CREATE TABLE setting (
  -- Small named documents.
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

CREATE TABLE tally (
  -- Numbers of messages: additions are counted by the node, a batch at once,
  -- changes by a trigger.
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tally VALUES
  ('messages_in', 0), ('messages_out', 0), ('unacknowledged', 0);

CREATE TRIGGER message_recounted
AFTER UPDATE OF holding, acknowledged_ms ON message
WHEN NEW.direction = 'in'
BEGIN
  UPDATE tally SET value = value
      - (OLD.holding = 'current' AND OLD.acknowledged_ms IS NULL)
      + (NEW.holding = 'current' AND NEW.acknowledged_ms IS NULL)
    WHERE name = 'unacknowledged';
END;
