// go-sql-driver through database/sql. Arguments: "prepared" (the default of the driver) or
// "interpolated", where it fills parameters in itself.
package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const publish = "INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)"

var host, port = os.Getenv("COMET_HOST"), os.Getenv("COMET_PORT")
var user, key = os.Getenv("COMET_USER"), os.Getenv("COMET_KEY")
var pipe, text = os.Getenv("COMET_PIPE"), os.Getenv("COMET_TEXT")

func main() {
	say("version", "go-sql-driver", os.Getenv("COMET_DRIVER_VERSION"))
	db := connect()
	say("databases", column(db, "SHOW DATABASES")...)
	say("tables", column(db, "SHOW TABLES")...)
	say("columns", column(db, "SELECT COLUMN_NAME FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", "CometQL_v1", "users_auth")...)

	rows, err := db.Query("SELECT * FROM users_time WHERE id IN (?, ?)", 2, 3)
	check(err)
	names, err := rows.Columns()
	check(err)
	say("names", names...)
	var times []string
	for rows.Next() {
		var id, time string
		check(rows.Scan(&id, &time))
		times = append(times, id, time)
	}
	check(rows.Err())
	say("times", times...)

	execute(db, publish, pipe, "text", text)
	message := column(db, "SELECT message FROM pipes_messages WHERE name = ?", pipe)[0]
	say("message", fmt.Sprintf("%x", message))

	_, err = db.Query("SELECT * FROM no_such_table")
	refusal, isRefusal := err.(*mysql.MySQLError)
	if !isRefusal {
		panic(err)
	}
	say("error", fmt.Sprint(refusal.Number), "-")

	transaction, err := db.Begin()
	check(err)
	execute(transaction, publish, pipe, "inside", "committed")
	waitForRunner()
	check(transaction.Commit())
	transaction, err = db.Begin()
	check(err)
	execute(transaction, publish, pipe, "inside", "undone")
	check(transaction.Rollback())
	check(db.Close())

	db = connect()
	execute(db, publish, pipe, "after", "again")
	check(db.Close())
	say("done")
}

func connect() *sql.DB {
	options := ""
	if os.Args[1] == "interpolated" {
		options = "?interpolateParams=true"
	}
	// docs: connect
	db, err := sql.Open("mysql", user+":"+key+"@tcp("+host+":"+port+")/CometQL_v1"+options)
	// docs: end
	check(err)
	check(db.Ping())
	return db
}

type executor interface {
	Exec(query string, values ...interface{}) (sql.Result, error)
}

func execute(on executor, query string, values ...interface{}) {
	_, err := on.Exec(query, values...)
	check(err)
}

func column(db *sql.DB, query string, values ...interface{}) (found []string) {
	rows, err := db.Query(query, values...)
	check(err)
	defer rows.Close()
	names, err := rows.Columns()
	check(err)
	for rows.Next() {
		fields := make([]sql.NullString, len(names))
		targets := make([]interface{}, len(names))
		for index := range fields {
			targets[index] = &fields[index]
		}
		check(rows.Scan(targets...))
		found = append(found, fields[0].String)
	}
	check(rows.Err())
	return found
}

// Stops until the runner has seen that nothing uncommitted arrives.
func waitForRunner() {
	say("waiting")
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
}

func say(step string, words ...string) {
	fmt.Println(strings.Join(append([]string{step}, words...), "\t"))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
