// go-sql-driver inside TLS; it trusts any certificate.
package main

import (
	"database/sql"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func main() {
	host, port := os.Getenv("COMET_HOST"), os.Getenv("COMET_PORT")
	user, key := os.Getenv("COMET_USER"), os.Getenv("COMET_KEY")
	// docs: connect
	db, err := sql.Open("mysql", user+":"+key+"@tcp("+host+":"+port+")/CometQL_v1?tls=skip-verify")
	// docs: end
	check(err)
	var name, version string
	check(db.QueryRow("SHOW STATUS LIKE 'Ssl_version'").Scan(&name, &version))
	fmt.Printf("tls\t%s\n", version)
	_, err = db.Exec("INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)",
		os.Getenv("COMET_PIPE"), "tls", os.Getenv("COMET_TEXT"))
	check(err)
	check(db.Close())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
