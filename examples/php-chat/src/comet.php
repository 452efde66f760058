<?php

declare(strict_types=1);

/** Everything this program says to CometWire: plain SQL over mysqli, with prepared statements. */
final class Comet
{
    private readonly mysqli $connection;

    /** @throws mysqli_sql_exception when CometWire cannot be reached or refuses the key */
    public function __construct(Config $config)
    {
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $this->connection = mysqli_init();
        $this->connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, 3);
        $this->connection->options(MYSQLI_OPT_READ_TIMEOUT, 5);
        $this->connection->real_connect($config->host, $config->user, $config->key, 'CometQL_v1', $config->port);
        $this->connection->set_charset('utf8mb4');
    }

    /**
     * The key that user's browsers show when they connect. A user has one key: taking the one that is there lets a
     * second device in without locking the first one out.
     */
    public function keyOf(int $userId): string
    {
        $known = $this->run('SELECT hash FROM users_auth WHERE id = ?', 'i', $userId)->get_result()->fetch_assoc();
        if ($known !== null && $known['hash'] !== '') {
            return $known['hash'];
        }
        $key = bin2hex(random_bytes(16));
        $this->run('INSERT INTO users_auth (id, hash) VALUES (?, ?)', 'is', $userId, $key);
        return $key;
    }

    /** Makes the key worthless and cuts the user's connections. */
    public function forget(int $userId): void
    {
        $this->run('DELETE FROM users_auth WHERE id = ?', 'i', $userId);
    }

    /** Sends to all devices of one user; waits in the queue while the user is away. */
    public function sendToUser(int $userId, string $event, array $message): void
    {
        $sql = 'INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)';
        $this->run($sql, 'iss', $userId, $event, self::json($message));
    }

    /** Sends to everybody who is subscribed to the pipe. */
    public function sendToPipe(string $pipe, string $event, array $message): void
    {
        $sql = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)';
        $this->run($sql, 'sss', $pipe, $event, self::json($message));
    }

    /**
     * @param int[] $userIds
     * @return array<int, int> for each user: 0 online now, -1 never seen, else when last seen (Unix seconds)
     */
    public function lastSeen(array $userIds): array
    {
        if ($userIds === []) {
            return [];
        }
        $places = implode(', ', array_fill(0, count($userIds), '?'));
        $sql = "SELECT id, time FROM users_time WHERE id IN ($places)";
        $rows = $this->run($sql, str_repeat('i', count($userIds)), ...$userIds)->get_result();
        return array_map('intval', array_column($rows->fetch_all(MYSQLI_ASSOC), 'time', 'id'));
    }

    private function run(string $sql, string $types, int|string ...$values): mysqli_stmt
    {
        $statement = $this->connection->prepare($sql);
        $statement->bind_param($types, ...$values);
        $statement->execute();
        return $statement;
    }

    private static function json(array $message): string
    {
        return json_encode($message, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
    }
}
