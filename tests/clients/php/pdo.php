<?php
// PHP's PDO: prepared statements emulated (its default) or native, and persistent connections.

declare(strict_types=1);

require __DIR__ . '/steps.php';

$way = $argv[1];
say('version', 'PHP PDO', PHP_VERSION);

function connect(): PDO
{
    global $way, $host, $port, $user, $key;
    // docs: connect
    $comet = new PDO("mysql:host=$host;port=$port;dbname=CometQL_v1;charset=utf8mb4", $user, $key, [
        PDO::ATTR_EMULATE_PREPARES => $way === 'emulated',
        PDO::ATTR_PERSISTENT => $way === 'persistent',
    ]);
    // docs: end
    return $comet;
}

function column(PDO $comet, string $sql, array $values = []): array
{
    $statement = $comet->prepare($sql);
    $statement->execute($values);
    return $statement->fetchAll(PDO::FETCH_COLUMN);
}

$comet = connect();
say('databases', ...column($comet, 'SHOW DATABASES'));
say('tables', ...column($comet, 'SHOW TABLES'));
$description = $comet->query('SELECT * FROM users_auth WHERE id = 1');
say('columns', ...array_map(
    fn (int $index): string => $description->getColumnMeta($index)['name'],
    range(0, $description->columnCount() - 1),
));

$times = $comet->prepare('SELECT * FROM users_time WHERE id IN (:one, :other)');
$times->execute(['one' => 2, 'other' => 3]);
$rows = $times->fetchAll(PDO::FETCH_ASSOC);
say('names', ...array_keys($rows[0]));
say('times', ...array_merge(...array_map(array_values(...), $rows)));

$comet->prepare(PUBLISH)->execute([$pipe, 'text', $text]);
say('message', bin2hex(column($comet, 'SELECT message FROM pipes_messages WHERE name = ?', [$pipe])[0]));

try {
    $comet->query('SELECT * FROM no_such_table');
} catch (PDOException $refusal) {
    say('error', $refusal->errorInfo[1], $refusal->errorInfo[0]);
}

$comet->beginTransaction();
$comet->prepare(PUBLISH)->execute([$pipe, 'inside', 'committed']);
waitForRunner();
$comet->commit();
$comet->beginTransaction();
$comet->prepare(PUBLISH)->execute([$pipe, 'inside', 'undone']);
$comet->rollBack();
$thread = column($comet, 'SELECT CONNECTION_ID()')[0];
$comet = $times = $description = null;

$comet = connect();
if ($way === 'persistent' && column($comet, 'SELECT CONNECTION_ID()')[0] !== $thread) {
    throw new Exception('the persistent connection was not used again');
}
$comet->prepare(PUBLISH)->execute([$pipe, 'after', 'again']);
say('done');
