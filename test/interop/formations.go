// Reads and writes a formation's files with the Fernet module and encoding/json, as MUXI's command line does.
//
//	formations read FOLDER...    on stdout, {folder: {name: value}}
//	formations write FOLDER      makes .key and secrets.enc of the values on stdin
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/fernet/fernet-go"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func read(folder string) map[string]string {
	text, err := os.ReadFile(filepath.Join(folder, ".key"))
	must(err)
	key, err := fernet.DecodeKey(string(text))
	must(err)
	token, err := os.ReadFile(filepath.Join(folder, "secrets.enc"))
	must(err)
	plaintext := fernet.VerifyAndDecrypt(token, 0, []*fernet.Key{key})
	if plaintext == nil {
		log.Fatalf("%s: does not open", folder)
	}
	values := map[string]string{}
	must(json.Unmarshal(plaintext, &values))
	return values
}

func write(folder string, values map[string]string) {
	var key fernet.Key
	must(key.Generate())
	must(os.WriteFile(filepath.Join(folder, ".key"), []byte(key.Encode()), 0600))
	plaintext, err := json.MarshalIndent(values, "", "  ")
	must(err)
	token, err := fernet.EncryptAndSign(plaintext, &key)
	must(err)
	must(os.WriteFile(filepath.Join(folder, "secrets.enc"), token, 0600))
}

func main() {
	if os.Args[1] == "write" {
		values := map[string]string{}
		must(json.NewDecoder(os.Stdin).Decode(&values))
		write(os.Args[2], values)
		return
	}
	all := map[string]map[string]string{}
	for _, folder := range os.Args[2:] {
		all[folder] = read(folder)
	}
	must(json.NewEncoder(os.Stdout).Encode(all))
}
