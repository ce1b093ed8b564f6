// SPDX-License-Identifier: Apache-2.0

// Command logs looks at a log with golang.org/x/mod, as Go's checksum database
// is looked at. It knows nothing of Selat but the paths of C2SP tlog-tiles.
//
//	logs note VKEY < NOTE       print the text of a note that the key signed
//	logs proofs < QUESTIONS     verify proofs, a JSON object a line
//	logs tiles FOLDER VKEY < QUESTIONS
//	                            verify a log's tiles and entries against its
//	                            checkpoint, and make proofs from them
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "logs:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "note":
		data, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		text, err := open(data, arguments[1])
		if err != nil {
			return err
		}
		fmt.Print(text)
		return nil
	case len(arguments) == 1 && arguments[0] == "proofs":
		return answer(func(asked question) (any, error) { return verify(asked) })
	case len(arguments) == 3 && arguments[0] == "tiles":
		log, err := read(arguments[1], arguments[2])
		if err != nil {
			return err
		}
		return answer(log.prove)
	}
	return errors.New("the first argument is note, proofs or tiles")
}

// question asks about one leaf or two sizes of a tree.
type question struct {
	Size    int64    `json:"size"`
	Root    string   `json:"root"`
	Index   int64    `json:"index"`
	Leaf    string   `json:"leaf"` // its hash
	OldSize int64    `json:"old_size"`
	OldRoot string   `json:"old_root"`
	Proof   []string `json:"proof"`
}

// answer reads questions from standard input and writes an answer a line.
func answer(reply func(question) (any, error)) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var asked question
		if err := in.Decode(&asked); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		result, err := reply(asked)
		if err != nil {
			return err
		}
		if err := out.Encode(result); err != nil {
			return err
		}
	}
}

func open(data []byte, vkey string) (string, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	return opened.Text, nil
}

// verify tells whether a proof holds: of inclusion, or of consistency when
// there is an old root.
func verify(asked question) (string, error) {
	root, err := tlog.ParseHash(asked.Root)
	if err != nil {
		return "", err
	}
	proof := make([]tlog.Hash, len(asked.Proof))
	for i, each := range asked.Proof {
		if proof[i], err = tlog.ParseHash(each); err != nil {
			return "", err
		}
	}
	if asked.OldRoot == "" {
		leaf, err := tlog.ParseHash(asked.Leaf)
		if err != nil {
			return "", err
		}
		return outcome(tlog.CheckRecord(proof, asked.Size, root, asked.Index, leaf)), nil
	}
	old, err := tlog.ParseHash(asked.OldRoot)
	if err != nil {
		return "", err
	}
	return outcome(tlog.CheckTree(proof, asked.Size, root, asked.OldSize, old)), nil
}

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return "holds"
}

// log is a log in a folder, verified.
type log struct {
	tree   tlog.Tree
	hashes tlog.HashReader
}

// folder reads tiles from files.
type folder string

func (f folder) Height() int                         { return height }
func (f folder) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if tile.H != height {
			return nil, fmt.Errorf("a tile of height %d", tile.H)
		}
		// C2SP tlog-tiles leaves the height out.
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		var err error
		if data[i], err = os.ReadFile(filepath.Join(string(f), path)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// read verifies every tile and every entry of a log against its checkpoint.
func read(path string, vkey string) (*log, error) {
	data, err := os.ReadFile(filepath.Join(path, "checkpoint"))
	if err != nil {
		return nil, err
	}
	text, err := open(data, vkey)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return nil, errors.New("the checkpoint has not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return nil, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	tree := tlog.Tree{N: size, Hash: root}
	found := &log{tree: tree, hashes: tlog.TileHashReader(tree, folder(path))}
	for first := int64(0); first < size; first += 1 << height {
		if err := found.compare(path, first); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// compare compares one bundle of entries with its tile.
func (l *log) compare(path string, first int64) error {
	width := l.tree.N - first
	if width > 1<<height {
		width = 1 << height
	}
	indexes := make([]int64, width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	hashes, err := l.hashes.ReadHashes(indexes)
	if err != nil {
		return err
	}
	tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(width)}
	name := strings.TrimPrefix(tile.Path(), "tile/8/0/")
	file, err := os.Open(filepath.Join(path, "tile/entries", name))
	if err != nil {
		return err
	}
	defer file.Close()
	entries := bufio.NewReader(file)
	for i, hash := range hashes {
		var length uint16
		if err := binary.Read(entries, binary.BigEndian, &length); err != nil {
			return err
		}
		entry := make([]byte, length)
		if _, err := io.ReadFull(entries, entry); err != nil {
			return err
		}
		if tlog.RecordHash(entry) != hash {
			return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
		}
	}
	if _, err := entries.ReadByte(); err != io.EOF {
		return fmt.Errorf("bundle %d is too long", first>>height)
	}
	return nil
}

// prove makes the proof of inclusion of a leaf, or of consistency with an old
// size, from the tiles.
func (l *log) prove(asked question) (any, error) {
	var proof []tlog.Hash
	var err error
	if asked.OldSize > 0 {
		proof, err = tlog.ProveTree(l.tree.N, asked.OldSize, l.hashes)
	} else {
		proof, err = tlog.ProveRecord(l.tree.N, asked.Index, l.hashes)
	}
	if err != nil {
		return nil, err
	}
	written := make([]string, len(proof))
	for i, hash := range proof {
		written[i] = base64.StdEncoding.EncodeToString(hash[:])
	}
	return written, nil
}
