<?php
// PHP's mysqli: literals escaped by hand, `p:` for persistent connections, prepared
// statements, or several statements at once.

declare(strict_types=1);

require __DIR__ . '/steps.php';

$way = $argv[1];
say('version', 'PHP mysqli', PHP_VERSION);

function connect(): mysqli
{
    global $way, $host, $port, $user, $key;
    if ($way === 'persistent') {
        // docs: persistent
        $comet = new mysqli("p:$host", $user, $key, 'CometQL_v1', $port);
        // docs: end
    } else {
        // docs: connect
        $comet = new mysqli($host, $user, $key, 'CometQL_v1', $port);
        // docs: end
    }
    return $comet;
}

function publish(mysqli $comet, string $pipe, string $event, string $message): void
{
    global $way;
    if ($way === 'prepared') {
        $comet->prepare(PUBLISH)->execute([$pipe, $event, $message]);
        return;
    }
    $escaped = $comet->real_escape_string($message);
    $insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('$pipe', '$event', '$escaped')";
    if ($way !== 'several') {
        $comet->query($insert);
        return;
    }
    $comet->multi_query("SELECT 1; $insert; SELECT 2");
    $answers = [];
    do {
        $answers[] = $comet->store_result() ?: null;
    } while ($comet->next_result());
    if (count($answers) !== 3 || $answers[1] !== null) {
        throw new Exception('three statements have ' . count($answers) . ' answers');
    }
}

function column(mysqli $comet, string $sql): array
{
    return array_column($comet->query($sql)->fetch_all(), 0);
}

$comet = connect();
$comet->set_charset('utf8mb4');
say('databases', ...column($comet, 'SHOW DATABASES'));
say('tables', ...column($comet, 'SHOW TABLES'));
say('columns', ...column($comet, 'DESCRIBE users_auth'));

$times = $comet->query('SELECT * FROM users_time WHERE id IN (2, 3)');
say('names', ...array_column($times->fetch_fields(), 'name'));
say('times', ...array_merge(...$times->fetch_all()));

publish($comet, $pipe, 'text', $text);
say('message', bin2hex(column($comet, "SELECT message FROM pipes_messages WHERE name = '$pipe'")[0]));

try {
    $comet->query('SELECT * FROM no_such_table');
} catch (mysqli_sql_exception $refusal) {
    say('error', $refusal->getCode(), $refusal->getSqlState());
}

$comet->begin_transaction();
publish($comet, $pipe, 'inside', 'committed');
waitForRunner();
$comet->commit();
$comet->autocommit(false);
publish($comet, $pipe, 'inside', 'undone');
$comet->rollback();
$comet->autocommit(true);
$thread = $comet->thread_id;
$comet->close();

$comet = connect();
if ($way === 'persistent' && $comet->thread_id !== $thread) {
    throw new Exception('the persistent connection was not used again');
}
publish($comet, $pipe, 'after', 'again');
$comet->close();
say('done');
