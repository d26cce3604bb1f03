// Go's view of a transparency log: answers questions about proofs, notes and tiles with the
// packages that the Go command itself trusts its modules to (golang.org/x/mod/sumdb).
//
// A question is a line of JSON, and so is its answer: {"error": "..."} is a refusal.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Do      string
	Entries [][]byte
	Proof   [][]byte
	Root    []byte
	OldRoot []byte
	Leaf    []byte
	Raw     []byte
	Tiles   map[string][]byte
	Text    string
	Key     string
	Path    string
	Index   int64
	Size    int64
	Old     int64
}

type answer struct {
	Error  string   `json:"error,omitempty"`
	Hash   []byte   `json:"hash,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"`
	Text   string   `json:"text,omitempty"`
	Texts  []string `json:"texts,omitempty"`
	Size   int64    `json:"size,omitempty"`
}

// The log that was last given: every hash of it, as tlog stores them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(s)) {
			return nil, errors.New("beyond the log")
		}
		hashes[i] = s[index]
	}
	return hashes, nil
}

// Files of tiles that somebody serves.
type served map[string][]byte

func (s served) Height() int                         { return 8 }
func (s served) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (s served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	contents := make([][]byte, len(tiles))
	for i, tile := range tiles {
		content, ok := s[c2sp(tile.Path())]
		if !ok {
			return nil, fmt.Errorf("no tile %s", tile.Path())
		}
		contents[i] = content
	}
	return contents, nil
}

// Go's paths have the height, which C2SP fixes at 8, and call entries data.
func c2sp(path string) string {
	return strings.Replace(strings.Replace(path, "tile/8/", "tile/", 1), "/data/", "/entries/", 1)
}

func hash(raw []byte) (found tlog.Hash, err error) {
	if len(raw) != tlog.HashSize {
		return found, errors.New("not a hash")
	}
	copy(found[:], raw)
	return found, nil
}

func hashes(raws [][]byte) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(raws))
	for i, raw := range raws {
		var err error
		if found[i], err = hash(raw); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func raws(hashes []tlog.Hash) [][]byte {
	found := make([][]byte, len(hashes))
	for i := range hashes {
		found[i] = hashes[i][:]
	}
	return found
}

var log stored

func respond(q question) (a answer, err error) {
	proof, err := hashes(q.Proof)
	if err != nil {
		return a, err
	}
	switch q.Do {
	case "log": // keep these entries, as the log that later questions are about
		log = nil
		for i, entry := range q.Entries {
			more, err := tlog.StoredHashes(int64(i), entry, log)
			if err != nil {
				return a, err
			}
			log = append(log, more...)
		}
		a.Size = int64(len(q.Entries))
	case "root":
		root, err := tlog.TreeHash(q.Size, log)
		a.Hash = root[:]
		return a, err
	case "prove inclusion":
		made, err := tlog.ProveRecord(q.Size, q.Index, log)
		a.Hashes = raws(made)
		return a, err
	case "prove consistency":
		made, err := tlog.ProveTree(q.Size, q.Old, log)
		a.Hashes = raws(made)
		return a, err
	case "tiles": // of the tree that the one of Old entries has not, and their contents
		for _, tile := range tlog.NewTiles(8, q.Old, q.Size) {
			content, err := tlog.ReadTileData(tile, log)
			if err != nil {
				return a, err
			}
			a.Texts = append(a.Texts, c2sp(tile.Path()))
			a.Hashes = append(a.Hashes, content)
		}
	case "check inclusion":
		root, err := hash(q.Root)
		if err != nil {
			return a, err
		}
		leaf, err := hash(q.Leaf)
		if err != nil {
			return a, err
		}
		return a, tlog.CheckRecord(proof, q.Size, root, q.Index, leaf)
	case "check consistency":
		root, err := hash(q.Root)
		if err != nil {
			return a, err
		}
		old, err := hash(q.OldRoot)
		if err != nil {
			return a, err
		}
		return a, tlog.CheckTree(proof, q.Size, root, q.Old, old)
	case "check tiles": // that these lead to the root; gives a leaf's hash from them
		root, err := hash(q.Root)
		if err != nil {
			return a, err
		}
		reader := tlog.TileHashReader(tlog.Tree{N: q.Size, Hash: root}, served(q.Tiles))
		found, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, q.Index)})
		a.Hashes = raws(found)
		return a, err
	case "path":
		path := strings.Replace(strings.Replace(q.Path, "/entries/", "/data/", 1), "tile/", "tile/8/", 1)
		tile, err := tlog.ParseTilePath(path)
		if err != nil {
			return a, err
		}
		a.Texts = []string{fmt.Sprint(tile.L), fmt.Sprint(tile.N), fmt.Sprint(tile.W)}
	case "bundle": // the hashes of the entries in it
		for rest := q.Raw; len(rest) > 0; {
			if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
				return a, errors.New("the bundle ends within an entry")
			}
			end := 2 + int(binary.BigEndian.Uint16(rest))
			leaf := tlog.RecordHash(rest[2:end])
			a.Hashes = append(a.Hashes, leaf[:])
			rest = rest[end:]
		}
	case "open": // a note
		verifier, err := note.NewVerifier(q.Key)
		if err != nil {
			return a, err
		}
		opened, err := note.Open(q.Raw, note.VerifierList(verifier))
		if err != nil {
			return a, err
		}
		a.Text = opened.Text
	case "sign": // a note
		signer, err := note.NewSigner(q.Key)
		if err != nil {
			return a, err
		}
		a.Hash, err = note.Sign(&note.Note{Text: q.Text}, signer)
		return a, err
	case "checkpoint": // but for its origin, Go's own has the same form
		_, rest, _ := strings.Cut(q.Text, "\n")
		tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + rest))
		a.Size, a.Hash = tree.N, tree.Hash[:]
		return a, err
	case "tamper": // with each of these files, in every way; what was not noticed
		root, err := hash(q.Root)
		if err != nil {
			return a, err
		}
		c := campaign{files: q.Tiles, tree: tlog.Tree{N: q.Size, Hash: root}}
		c.run()
		a.Size, a.Texts = c.tried, c.missed
	default:
		return a, errors.New("what?")
	}
	return a, nil
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			panic(err)
		}
		a, err := respond(q)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			panic(err)
		}
	}
}
