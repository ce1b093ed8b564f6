// SPDX-License-Identifier: Apache-2.0

// Command cosigners looks at cosigned checkpoints with the libraries of
// transparency-dev, and lends keys to the witness of filippo.io/torchwood.
//
//	cosigners note VKEY... < NOTE    print which of these keys signed a note
//	cosigners proof VKEY LEAF < PROOF
//	                                 verify a tlog-proof of a file's contents
//	cosigners policy FILE < NOTE     tell whether a note meets a tlog-policy
//	cosigners agent SOCKET SEED      be the SSH agent of one Ed25519 key, whose
//	                                 32-byte seed is hexadecimal, and print the
//	                                 key's fingerprint once it can be asked
package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"

	checkpoints "github.com/transparency-dev/formats/log"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cosigners:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("the first argument is note, proof, policy or agent")
	}
	if arguments[0] == "agent" && len(arguments) == 3 {
		return lend(arguments[1], arguments[2])
	}
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	switch {
	case arguments[0] == "note":
		return signers(data, arguments[1:])
	case arguments[0] == "proof" && len(arguments) == 3:
		return inclusion(data, arguments[1], arguments[2])
	case arguments[0] == "policy" && len(arguments) == 2:
		return quorum(data, arguments[1])
	}
	return errors.New("the first argument is note, proof, policy or agent")
}

// verifier takes a key of type 0x01, 0x04 or 0x06.
func verifier(vkey string) (note.Verifier, error) {
	if plain, err := note.NewVerifier(vkey); err == nil {
		return plain, nil
	}
	return formats.NewVerifierForCosignatureV1(vkey)
}

func signers(data []byte, vkeys []string) error {
	var known []note.Verifier
	for _, vkey := range vkeys {
		each, err := verifier(vkey)
		if err != nil {
			return err
		}
		known = append(known, each)
	}
	opened, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return err
	}
	for _, each := range opened.Sigs {
		fmt.Printf("%s %08x\n", each.Name, each.Hash)
	}
	return nil
}

func inclusion(data []byte, vkey string, path string) error {
	leaf, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	key, err := verifier(vkey)
	if err != nil {
		return err
	}
	var found proof.TLogProof
	if err := found.Unmarshal(data); err != nil {
		return err
	}
	head, _, _, err := checkpoints.ParseCheckpoint(found.Checkpoint, key.Name(), key)
	if err != nil {
		return err
	}
	hashes := make(tlog.RecordProof, len(found.Hashes))
	for i, hash := range found.Hashes {
		hashes[i] = hash
	}
	err = tlog.CheckRecord(hashes, int64(head.Size), tlog.Hash(head.Hash),
		int64(found.Index), tlog.RecordHash(leaf))
	if err != nil {
		return err
	}
	fmt.Printf("leaf %d of %d\n", found.Index, head.Size)
	return nil
}

func quorum(data []byte, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	group, err := witness.ParsePolicy(text)
	if err != nil {
		return err
	}
	fmt.Println(group.Satisfied(data))
	return nil
}

func lend(socket string, seed string) error {
	secret, err := hex.DecodeString(seed)
	if err != nil || len(secret) != ed25519.SeedSize {
		return errors.New("the seed is not one of 32 bytes")
	}
	key := ed25519.NewKeyFromSeed(secret)
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		return err
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	fmt.Println(ssh.FingerprintSHA256(public))
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go agent.ServeAgent(keys, connection)
	}
}
