// Command go_ledger asks the Go team's golang.org/x/mod/sumdb (packages note and tlog) about our ledgers.
//
//	go_ledger verify URL VKEY     reads a whole log over HTTP: signature, every entry, inclusion and consistency proofs
//	go_ledger probe               answers, line by line of JSON on stdin, whether a proof is accepted
//	go_ledger sign SKEY           signs the text on stdin as a note
//	go_ledger open VKEY           opens the note on stdin
//
// Built in GOPATH mode from Debian's golang-go and golang-golang-x-mod-dev; nothing is downloaded.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "verify":
		return verify(strings.TrimSuffix(args[1], "/"), args[2])
	case len(args) == 1 && args[0] == "probe":
		return probe()
	case len(args) == 2 && args[0] == "sign":
		return sign(args[1])
	case len(args) == 2 && args[0] == "open":
		return open(args[1])
	}
	return fmt.Errorf("usage: see the top of main.go")
}

// --- a log over HTTP

type server struct{ url string }

func (s server) get(path string) ([]byte, error) {
	answer, err := http.Get(s.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (s server) Height() int                     { return height }
func (s server) SaveTiles([]tlog.Tile, [][]byte) {}

func (s server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := s.get(path(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// path is tlog-tiles' name for a tile, which x/mod calls tile/8/L/N, and its entries tile/8/data/N.
func path(tile tlog.Tile) string {
	name := strings.TrimPrefix(tile.Path(), "tile/8/")
	if tile.L == -1 {
		return "tile/entries" + strings.TrimPrefix(name, "data")
	}
	return "tile/" + name
}

func verify(url, vkey string) error {
	s := server{url}
	data, err := s.get("checkpoint")
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	tree, err := parse(signed.Text, verifier.Name())
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, s)
	leaves, err := entries(s, reader, tree)
	if err != nil {
		return err
	}
	for _, n := range []int64{0, 1, tree.N / 3, tree.N / 2, tree.N - 2, tree.N - 1} {
		if n < 0 || n >= tree.N {
			continue
		}
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaves[n]); err != nil {
			return err
		}
		old, err := tlog.TreeHash(n+1, reader)
		if err != nil {
			return err
		}
		grown, err := tlog.ProveTree(tree.N, n+1, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(grown, tree.N, tree.Hash, n+1, old); err != nil {
			return err
		}
	}
	fmt.Printf("verified %d entries, root %v\n", tree.N, tree.Hash)
	return nil
}

func parse(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", origin, text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// entries reads every entry and compares its hash with that of the authenticated tiles.
func entries(s server, reader tlog.HashReader, tree tlog.Tree) ([]tlog.Hash, error) {
	var leaves []tlog.Hash
	for n := int64(0); n*256 < tree.N; n++ {
		width := 256
		if rest := tree.N - n*256; rest < 256 {
			width = int(rest)
		}
		data, err := s.get(path(tlog.Tile{H: height, L: -1, N: n, W: width}))
		if err != nil {
			return nil, err
		}
		var found []tlog.Hash
		var index []int64
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("bundle %d is cut short", n)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			index = append(index, tlog.StoredHashIndex(0, n*256+int64(len(found))))
			found = append(found, tlog.RecordHash(data[2:end]))
			data = data[end:]
		}
		if len(found) != width {
			return nil, fmt.Errorf("bundle %d has %d entries, not %d", n, len(found), width)
		}
		known, err := reader.ReadHashes(index)
		if err != nil {
			return nil, err
		}
		for at := range found {
			if found[at] != known[at] {
				return nil, fmt.Errorf("hash mismatch for entry %d", n*256+int64(at))
			}
		}
		leaves = append(leaves, found...)
	}
	return leaves, nil
}

// --- proofs, one by one

type question struct {
	Kind                string
	Old, New, Index     int64
	OldRoot, Root, Leaf string
	Proof               []string
}

func probe() error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			return err
		}
		fmt.Println(accepted(q))
	}
	return in.Err()
}

func accepted(q question) bool {
	var proof []tlog.Hash
	for _, one := range q.Proof {
		proof = append(proof, hash(one))
	}
	if q.Kind == "inclusion" {
		return tlog.CheckRecord(tlog.RecordProof(proof), q.New, hash(q.Root), q.Index, hash(q.Leaf)) == nil
	}
	return tlog.CheckTree(tlog.TreeProof(proof), q.New, hash(q.Root), q.Old, hash(q.OldRoot)) == nil
}

func hash(text string) (h tlog.Hash) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != len(h) {
		panic("the question has no hash where it should: " + text)
	}
	copy(h[:], data)
	return h
}

// --- notes

func sign(skey string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, bytes.NewReader(signed))
	return err
}

func open(vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	fmt.Print(opened.Text)
	return nil
}
