package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Whoever alters a log, file by file: every byte once, every entry and hash left out once, every
// two neighbours exchanged once, every file taken away once. What is counted is how often that was
// done, and how often this verifier, which knows the root only, did not notice.
type campaign struct {
	files  served
	tree   tlog.Tree
	tried  int64
	missed []string
}

func (c *campaign) run() {
	for path, whole := range c.files {
		check := c.tile
		pieces := fixed(whole, tlog.HashSize)
		if strings.HasPrefix(path, "tile/entries/") {
			check, pieces = c.bundle, split(whole)
		}
		try := func(what string, content []byte) {
			c.tried++
			if check(path, content) == nil {
				c.missed = append(c.missed, path+": "+what)
			}
		}
		if err := check(path, whole); err != nil {
			c.missed = append(c.missed, path+" is refused as it is: "+err.Error())
		}
		altered := append([]byte(nil), whole...)
		for at := range altered {
			altered[at] ^= 1 << (at % 8)
			try(fmt.Sprintf("byte %d", at), altered)
			altered[at] = whole[at]
		}
		for i, piece := range pieces {
			start, end := piece[0], piece[1]
			try(fmt.Sprintf("without %d", i), join(whole[:start], whole[end:]))
			if i > 0 {
				before := pieces[i-1][0]
				swapped := join(whole[:before], whole[start:end], whole[before:start], whole[end:])
				try(fmt.Sprintf("%d before %d", i, i-1), swapped)
			}
		}
		try("nothing", nil)
	}
}

// A full tile has the hash that the tile above has of it; the others have the root together.
// (Not by tlog.TileHashReader: that of Go 1.19 overlooks a tile.)
func (c *campaign) tile(path string, content []byte) error {
	tile, err := tlog.ParseTilePath(strings.Replace(path, "tile/", "tile/8/", 1))
	if err != nil {
		return err
	}
	if len(content) != tile.W*tlog.HashSize {
		return errors.New("of another length")
	}
	expected, whole := c.tree.Hash, tlog.Hash{}
	reader := tlog.HashReader(overlaid{c.files, path, content})
	if tile.W < 1<<8 {
		whole, err = tlog.TreeHash(c.tree.N, reader)
	} else {
		index := tlog.StoredHashIndex((tile.L+1)*8, tile.N)
		above := tlog.TileForIndex(8, index)
		n, most := above.N<<8, c.tree.N>>(above.L*8)
		above.W = int(min(most-n, 1<<8))
		expected, err = tlog.HashFromTile(above, c.files[c2sp(above.Path())], index)
		whole = fold(content)
	}
	if err == nil && whole != expected {
		err = errors.New("another tile")
	}
	return err
}

func fold(hashes []byte) (root tlog.Hash) {
	if len(hashes) == tlog.HashSize {
		copy(root[:], hashes)
		return root
	}
	half := len(hashes) / 2
	return tlog.NodeHash(fold(hashes[:half]), fold(hashes[half:]))
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

// The entries are those whose hashes are in the tile of the same number, which is checked itself.
func (c *campaign) bundle(path string, content []byte) error {
	hashes := c.files[strings.Replace(path, "/entries/", "/0/", 1)]
	for len(content) >= 2 && len(hashes) > 0 {
		end := 2 + int(binary.BigEndian.Uint16(content))
		if end > len(content) {
			return errors.New("ends within an entry")
		}
		leaf := tlog.RecordHash(content[2:end])
		if string(leaf[:]) != string(hashes[:tlog.HashSize]) {
			return errors.New("another entry")
		}
		content, hashes = content[end:], hashes[tlog.HashSize:]
	}
	if len(content)+len(hashes) > 0 {
		return errors.New("another number of entries")
	}
	return nil
}

// The files, but for one of them.
type overlaid struct {
	served
	path    string
	content []byte
}

func (o overlaid) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(8, index)
		// A tree of one size has one tile of each number: the widest.
		for least, width := tile.W, 1<<8; width >= least; width-- {
			tile.W = width
			content, ok := o.served[c2sp(tile.Path())]
			if !ok {
				continue
			}
			if c2sp(tile.Path()) == o.path {
				content = o.content
			}
			var err error
			if hashes[i], err = tlog.HashFromTile(tile, content, index); err != nil {
				return nil, err
			}
			break
		}
	}
	return hashes, nil
}

func fixed(whole []byte, length int) (pieces [][2]int) {
	for start := 0; start < len(whole); start += length {
		pieces = append(pieces, [2]int{start, start + length})
	}
	return pieces
}

func split(whole []byte) (pieces [][2]int) {
	for start := 0; start < len(whole); {
		end := start + 2 + int(binary.BigEndian.Uint16(whole[start:]))
		pieces = append(pieces, [2]int{start, end})
		start = end
	}
	return pieces
}

func join(parts ...[]byte) (whole []byte) {
	for _, part := range parts {
		whole = append(whole, part...)
	}
	return whole
}
