//! Real client programs: the `mariadb` command line, PHP's mysqli and PDO, and
//! PyMySQL. They are needed to run these tests (Debian: `mariadb-client`,
//! `php-cli`, `php-mysql`; PyPI: `pymysql`).

use std::process::Command;

use cometql::wire::Limits;

use crate::backend::{KEY, ROOT_KEY, Server};

/// Runs a program to its end and returns what it wrote; standard error counts
/// as a failure only with a failed status.
async fn run(mut command: Command) -> String {
    tokio::task::spawn_blocking(move || {
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("{command:?} is needed for this test: {error}"));
        let written = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{written}{complaint}");
        written
    })
    .await
    .unwrap()
}

async fn php(server: &Server, script: &str) -> String {
    let mut command = Command::new("php");
    let prelude = format!(
        "error_reporting(E_ALL); $port = {}; $key = '{KEY}'; $root = '{ROOT_KEY}';\
         function same($got, $want) {{ if ($got !== $want) {{\
           echo 'got ', var_export($got, true), ' not ', var_export($want, true), \"\\n\";\
           debug_print_backtrace(); exit(1); }} }}",
        server.port
    );
    command.arg("-d").arg("display_errors=stdout");
    command.arg("-r").arg(format!("{prelude}{script}"));
    run(command).await
}

async fn python(server: &Server, script: &str) -> String {
    let prelude = format!(
        "import pymysql\n\
         from pymysql.constants import CLIENT\n\
         def connect(password={KEY:?}, **more):\n    \
             return pymysql.connect(host='127.0.0.1', port={}, user='15', password=password, **more)\n",
        server.port
    );
    let python = std::env::var_os("COMETWIRE_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg("-c").arg(format!("{prelude}{script}"));
    run(command).await
}

fn mariadb(server: &Server, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--no-defaults")
        .arg("--protocol=tcp")
        .args(["-h", "127.0.0.1", "-u", "15"])
        .arg(format!("-P{}", server.port))
        .arg(format!("-p{KEY}"))
        .args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mariadb_command_line_works_with_its_defaults() {
    let server = Server::start().await;
    let statements = "SELECT 1; INSERT x; SELECT 'Привет'";
    let written = run(mariadb(
        &server,
        "mariadb",
        &["CometQL_v1", "-e", statements],
    ))
    .await;
    assert!(written.contains("SELECT 1\t"), "{written}");
    assert!(written.contains("SELECT 'Привет'"), "{written}");
    let written = run(mariadb(&server, "mariadb", &["-e", "status"])).await;
    assert!(written.contains(cometql::wire::SERVER_VERSION), "{written}");
    assert!(written.contains("Queries per second avg"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mariadb_command_line_can_prove_itself_with_sha2() {
    let server = Server::start().await;
    let arguments = ["--default-auth=caching_sha2_password", "-e", "SELECT 1"];
    let written = run(mariadb(&server, "mariadb", &arguments)).await;
    assert!(written.contains("SELECT 1"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_admin_reads_ping_and_status() {
    let server = Server::start().await;
    let written = run(mariadb(&server, "mariadb-admin", &["ping"])).await;
    assert!(written.contains("is alive"), "{written}");
    let written = run(mariadb(&server, "mariadb-admin", &["status"])).await;
    assert!(written.contains("Threads: 1"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_inserts_selects_and_reads_errors() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, 'CometQL_v1', $port);
        same($m->query("INSERT INTO x VALUES ('Привет')"), true);
        same($m->affected_rows, 1);
        same($m->insert_id, 70000);
        $row = $m->query("SELECT 1")->fetch_assoc();
        same($row, ['statement' => 'SELECT 1', 'parameters' => '']);
        same(count($m->query("ROWS 1000")->fetch_all()), 1000);
        $m->query("INFO");
        same($m->info, 'receivers: 2');
        try { $m->query("FAIL"); same('no exception', ''); }
        catch (mysqli_sql_exception $e) {
            same($e->getCode(), 3);
            same($e->getMessage(), 'Told to fail');
            same($m->sqlstate, '42000');
        }
        same($m->ping(), true);
        same(str_starts_with($m->server_info, '8.0.36-CometWire-'), true);
        same(str_starts_with($m->stat(), 'Uptime: '), true);
        same($m->select_db('CometQL_v1'), true);
        same($m->set_charset('utf8mb4'), true);
        same($m->close(), true);
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_escapes_the_same_after_every_answer() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, null, $port);
        $text = "it's \"q\" \\ \n";
        $want = 'it\\\'s \\"q\\" \\\\ \\n';
        same($m->real_escape_string($text), $want);
        foreach (['INSERT', 'SELECT 1', 'SET NAMES utf8', 'BEGIN', 'ROWS 3'] as $statement) {
            $m->query($statement);
            same($m->real_escape_string($text), $want);
        }
        $m->ping();
        same($m->real_escape_string($text), $want);
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_prepares_executes_and_closes_four_hundred_times() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, null, $port);
        for ($i = 0; $i < 400; $i++) {
            $s = $m->prepare("SELECT ?, ?, ?");
            $t = "text $i"; $n = null;
            $s->bind_param('iss', $i, $t, $n);
            same($s->execute(), true);
            same($s->get_result()->fetch_row(), ["SELECT ?, ?, ?", "i$i|ttext $i|null"]);
            same($s->close(), true);
        }
        $s = $m->prepare("NULLS");
        $s->execute();
        same($s->get_result()->fetch_all(), [[null, ''], ['', null]]);
        $s = $m->prepare("INSERT INTO x VALUES (?)");
        for ($i = 0; $i < 400; $i++) {
            $s->bind_param('d', $i);
            same($s->execute(), true);
            same($s->affected_rows, 1);
        }
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_sends_long_data() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, null, $port);
        $s = $m->prepare("SELECT ?, ?");
        $null = null; $i = 7;
        $s->bind_param('bi', $null, $i);
        $s->send_long_data(0, 'very ');
        $s->send_long_data(0, 'long');
        $s->execute();
        same($s->get_result()->fetch_row()[1], 'tvery long|i7');
        $s->reset();
        $s->execute();
        same($s->get_result()->fetch_row()[1], 'null|i7');
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_that_asks_for_a_cursor_reads_all_rows() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, null, $port);
        $s = $m->prepare("ROWS 1200");
        same($s->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY), true);
        for ($i = 0; $i < 2; $i++) {
            $s->execute();
            $s->bind_result($name, $users);
            for ($row = 0; $s->fetch(); $row++) same($name, (string) $row);
            same($row, 1200);
            $s->free_result();
        }
        same($m->query("SELECT 1")->fetch_row()[0], 'SELECT 1');
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connector_python_prepares_with_every_type_it_has() {
    let server = Server::start().await;
    python(
        &server,
        &r#"
import datetime, decimal, mysql.connector
c = mysql.connector.connect(host='127.0.0.1', port=PORT, user='15', password=KEY, use_pure=True)
cursor = c.cursor(prepared=True)
moment = datetime.datetime(2026, 11, 25, 23, 59, 58, 42)
values = (1, -70000, 2**63, 1.5, decimal.Decimal('0.10'), moment, moment.date(), moment.time(),
          datetime.timedelta(days=-2), b'blob', 'text', None)
for _ in range(3):
    cursor.execute('SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?', values)
    got = cursor.fetchall()[0][1].split('|')
    assert got == [
        'u1', 'i-70000', 'u9223372036854775808', 'r1.5', 't0.10', 't2026-11-25 23:59:58.000042',
        't2026-11-25', 't23:59:58.000042', 't-48:00:00', 'tblob', 'ttext', 'null'], got
cursor.execute('ROWS 1500')
assert len(cursor.fetchall()) == 1500
cursor.close()
c.close()
"#
        .replace("PORT", &server.port.to_string())
        .replace("KEY", &format!("{KEY:?}")),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_multi_query_gives_every_result_and_stops_at_an_error() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, null, $port);
        $all = function () use ($m) {
            $seen = [];
            do {
                $r = $m->store_result();
                $seen[] = $r ? $r->fetch_row()[0] : $m->affected_rows;
            } while ($m->more_results() && $m->next_result());
            return $seen;
        };
        same($m->multi_query("SELECT 1; INSERT x; SELECT 'a;b'; ROWS 2;"), true);
        same($all(), ['SELECT 1', 1, "SELECT 'a;b'", '0']);
        $m->multi_query("SELECT 1; FAIL; SELECT 2");
        try { $all(); same('no exception', ''); }
        catch (mysqli_sql_exception $e) { same($e->getCode(), 3); }
        same($m->query("SELECT 3")->fetch_row()[0], 'SELECT 3');
        try { $m->query("INSERT a; INSERT b"); same('no exception', ''); }
        catch (mysqli_sql_exception $e) { same($e->getCode(), 3); }
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_reuses_a_persistent_connection_by_logging_in_again() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $first = mysqli_connect('p:127.0.0.1', '15', $key, 'CometQL_v1', $port);
        $id = $first->thread_id;
        $first->query('BEGIN');
        $first->close();
        for ($i = 0; $i < 20; $i++) {
            $next = mysqli_connect('p:127.0.0.1', '15', $key, 'CometQL_v1', $port);
            same($next->thread_id, $id);
            same($next->query('SELECT 1')->fetch_row()[0], 'SELECT 1');
            $next->close();
        }
        "#,
    )
    .await;
    assert_eq!(server.backend.logins.lock().len(), 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_changes_the_user_only_with_the_key() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        $m = mysqli_connect('127.0.0.1', '15', $key, null, $port);
        same($m->change_user('root', $root, 'CometQL_v1'), true);
        same($m->query('SELECT 1')->fetch_row()[0], 'SELECT 1');
        try { $m->change_user('15', 'wrong', null); same('no exception', ''); }
        catch (mysqli_sql_exception $e) { same($e->getCode(), 16); }
        try { $m->query('SELECT 2'); same('no exception', ''); }
        catch (mysqli_sql_exception $e) { same($e->getCode(), 2006); }
        "#,
    )
    .await;
    let users = server.backend.logins.lock().len();
    assert_eq!(users, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysqli_is_told_why_it_cannot_log_in() {
    let server = Server::start_with(Limits {
        max_connections: 2,
        ..Limits::default()
    })
    .await;
    php(
        &server,
        r#"
        $refused = function ($password, $flags = 0) use ($port) {
            $m = mysqli_init();
            try { $m->real_connect('127.0.0.1', '15', $password, null, $port, null, $flags); }
            catch (mysqli_sql_exception $e) { return [$e->getCode(), $e->getMessage()]; }
            return $m;
        };
        same($refused('wrong')[0], 16);
        same(str_starts_with($refused('wrong')[1], "Access denied for user '15'@'127.0.0.1' (using password: YES)"), true);
        same($refused('')[0], 16);
        $compressed = $refused($key, MYSQLI_CLIENT_COMPRESS);
        same($compressed[0], 1043);
        same(str_contains($compressed[1], 'compression'), true);
        while (is_array($a = $refused($key)));
        while (is_array($b = $refused($key)));
        same($refused($key)[0], 1040);
        same(str_starts_with($refused($key)[1], 'Too many connections'), true);
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pdo_works_with_emulated_and_native_prepares() {
    let server = Server::start().await;
    php(
        &server,
        r#"
        foreach ([true, false] as $emulate) {
            $p = new PDO("mysql:host=127.0.0.1;port=$port;dbname=CometQL_v1;charset=utf8mb4", '15', $key,
                [PDO::ATTR_EMULATE_PREPARES => $emulate]);
            for ($i = 0; $i < 100; $i++) {
                $s = $p->prepare('SELECT ?, ?');
                $s->execute([$i, "it's"]);
                $row = $s->fetch(PDO::FETCH_NUM);
                same($row, $emulate
                    ? ["SELECT '$i', 'it\\'s'", '']
                    : ['SELECT ?, ?', "t$i|tit's"]);
            }
            same($p->exec("INSERT x"), 1);
            same($p->lastInsertId(), '70000');
            $p->beginTransaction();
            same($p->inTransaction(), true);
            $p->exec('INSERT y');
            $p->commit();
            same($p->inTransaction(), false);
            same(str_starts_with($p->getAttribute(PDO::ATTR_SERVER_INFO), 'Uptime: '), true);
            try { $p->query('FAIL'); same('no exception', ''); }
            catch (PDOException $e) { same($e->errorInfo, ['42000', 3, 'Told to fail']); }
        }
        "#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pymysql_works() {
    let server = Server::start().await;
    python(
        &server,
        r#"
c = connect(database='CometQL_v1', autocommit=False, client_flag=CLIENT.MULTI_STATEMENTS)
with c.cursor() as cursor:
    assert cursor.execute("SELECT %s", ("it's",)) == 1
    assert cursor.fetchone() == (r"SELECT 'it\'s'", '')
    assert cursor.execute("NULLS") == 2
    assert cursor.fetchall() == ((None, ''), ('', None))
    assert cursor.execute("INSERT x") == 1
    assert cursor.lastrowid == 70000
    assert cursor.execute("ROWS 2000") == 2000
    assert cursor.fetchall()[-1] == ('1999', 'x')
    cursor.execute("SELECT 1; SELECT 2")
    assert cursor.fetchone()[0] == 'SELECT 1'
    assert cursor.nextset() and cursor.fetchone()[0] == 'SELECT 2'
    assert not cursor.nextset()
    try:
        cursor.execute("FAIL")
        raise SystemExit('no error')
    except pymysql.err.Error as error:
        assert error.args == (3, 'Told to fail'), error.args
c.commit()
c.ping(reconnect=False)
c.select_db('CometQL_v1')
big = 'x' * 20_000_000
try:
    connect().cursor().execute("INSERT " + big)
    raise SystemExit('no error')
except pymysql.err.Error as error:
    assert error.args[0] in (1153, 2006, 2013), error.args
try:
    connect(password='wrong')
    raise SystemExit('no error')
except pymysql.err.Error as error:
    assert error.args[0] == 16, error.args
c.close()
"#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pymysql_can_prove_itself_with_sha2() {
    let server = Server::start().await;
    python(
        &server,
        r#"
class Sha2(pymysql.connections.Connection):
    def _get_server_information(self):
        super()._get_server_information()
        self._auth_plugin_name = 'caching_sha2_password'
def connect(password):
    return Sha2(host='127.0.0.1', port=PORT, user='15', password=password)
cursor = connect(KEY).cursor()
cursor.execute('SELECT 1')
assert cursor.fetchone()[0] == 'SELECT 1'
try:
    connect('wrong')
    raise SystemExit('no error')
except pymysql.err.Error as error:
    assert error.args[0] == 16, error.args
"#
        .replace("PORT", &server.port.to_string())
        .replace("KEY", &format!("{KEY:?}"))
        .as_str(),
    )
    .await;
}
