-- SPDX-License-Identifier: Apache-2.0

CREATE TABLE witnessed (
  -- The newest state of each log that this node has cosigned: it extends every
  -- one before it. The peer is empty for a log that is configured.
  origin TEXT PRIMARY KEY,
  peer TEXT NOT NULL,
  size INTEGER NOT NULL,
  root BLOB NOT NULL CHECK (length(root) = 32),
  note BLOB NOT NULL,
  witnessed_ms INTEGER NOT NULL
) STRICT;

CREATE TRIGGER witnessed_never_shrinks BEFORE UPDATE ON witnessed
WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN
  SELECT RAISE(ABORT, 'a log that was cosigned only grows');
END;

CREATE TRIGGER witnessed_is_never_deleted BEFORE DELETE ON witnessed
BEGIN
  SELECT RAISE(ABORT, 'what was cosigned is not forgotten');
END;

CREATE TABLE own_checkpoint (
  -- Checkpoints of our own logs with the cosignatures of peers. It is anchored
  -- once enough of them have cosigned.
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  note BLOB NOT NULL,
  cosigners INTEGER NOT NULL,
  signed_ms INTEGER NOT NULL,
  anchored_ms INTEGER,
  PRIMARY KEY (origin, size)
) STRICT;

CREATE TABLE cosigner (
  -- How far each peer has cosigned each of our logs.
  peer TEXT NOT NULL,
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  cosigned_ms INTEGER NOT NULL,
  PRIMARY KEY (peer, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE equivocation (
  -- Proofs that a log has signed two roots for one size. The reporter is empty
  -- when this node found it. The leaf says the same.
  number INTEGER PRIMARY KEY,
  peer TEXT NOT NULL,
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  proof BLOB NOT NULL,
  reporter TEXT NOT NULL,
  found_ms INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL UNIQUE,
  UNIQUE (origin, size)
) STRICT;

CREATE TRIGGER equivocation_is_never_changed BEFORE UPDATE ON equivocation
BEGIN
  SELECT RAISE(ABORT, 'evidence is only added');
END;

CREATE TRIGGER equivocation_is_never_deleted BEFORE DELETE ON equivocation
BEGIN
  SELECT RAISE(ABORT, 'evidence is only added');
END;
