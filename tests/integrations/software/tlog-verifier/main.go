// Verifies a published log with golang.org/x/mod/sumdb, which shares no code with the server: its checkpoint, its tiles,
// and the proofs that its commands print.
//
// Usage: verifier BASE_URL VERIFIER_KEY < proofs.json
package main

import (
	"encoding/hex"
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

type inclusion struct {
	Index int64       `json:"index"`
	Size  int64       `json:"size"`
	Entry string      `json:"entry"`
	Proof []tlog.Hash `json:"proof"`
	Note  string      `json:"checkpoint"`
}

type head struct {
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
}

type consistency struct {
	Earlier head        `json:"earlier"`
	Later   head        `json:"later"`
	Proof   []tlog.Hash `json:"proof"`
}

type proofs struct {
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

type published struct{ base string }

func (p published) Height() int                                { return 8 }
func (p published) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (p published) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data := get(p.base + "/tile/" + strings.TrimPrefix(tile.Path(), "tile/8/"))
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

func main() {
	base, vkey := os.Args[1], os.Args[2]
	verifier, err := note.NewVerifier(vkey)
	check(err)
	tree := open(string(get(base+"/checkpoint")), verifier)
	reader := tlog.TileHashReader(tlog.Tree{N: tree.Size, Hash: tree.Root}, published{base})
	var given proofs
	check(json.NewDecoder(os.Stdin).Decode(&given))
	for _, one := range given.Inclusion {
		entry, err := hex.DecodeString(one.Entry)
		check(err)
		covered := open(one.Note, verifier)
		leaf := tlog.RecordHash(entry)
		check(tlog.CheckRecord(one.Proof, one.Size, covered.Root, one.Index, leaf))
		again, err := tlog.ProveRecord(tree.Size, one.Index, reader)
		check(err)
		check(tlog.CheckRecord(again, tree.Size, tree.Root, one.Index, leaf))
		fmt.Println("included", one.Index)
	}
	for _, one := range given.Consistency {
		check(tlog.CheckTree(one.Proof, one.Later.Size, one.Later.Root, one.Earlier.Size, one.Earlier.Root))
		fmt.Println("consistent", one.Earlier.Size, one.Later.Size)
	}
}

func open(text string, verifier note.Verifier) head {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return head{size, root}
}

func get(url string) []byte {
	response, err := http.Get(url)
	check(err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != 200 {
		check(fmt.Errorf("%s: %s", url, response.Status))
	}
	return data
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
