<?php
// Runs the statements it reads from standard input (JSON) on one connection and
// writes one outcome for each. The drivers' own error reporting is left as it
// is by default: since PHP 8.1 a refusal is an exception.

declare(strict_types=1);

$job = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$client = $job['driver'] === 'mysqli' ? new MysqliClient($job) : new PdoClient($job);
$outcomes = [];

foreach ($job['steps'] as $step) {
    try {
        $outcomes[] = $client->perform($step);
    } catch (mysqli_sql_exception $refusal) {
        $outcomes[] = [
            'errno' => $refusal->getCode(),
            'sqlState' => $refusal->getSqlState(),
            'error' => $refusal->getMessage(),
        ];
    } catch (PDOException $refusal) {
        $outcomes[] = [
            'errno' => $refusal->errorInfo[1] ?? $refusal->getCode(),
            'sqlState' => $refusal->errorInfo[0] ?? (string) $refusal->getCode(),
            'error' => $refusal->getMessage(),
        ];
    }
}

echo json_encode($outcomes, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);

final class MysqliClient
{
    private ?mysqli $link = null;

    public function __construct(private array $job)
    {
    }

    public function perform(array $step): array
    {
        if (isset($step['reconnect'])) {
            $this->link?->close();
            $this->link = null;
            return [];
        }
        $link = $this->link ??= $this->connect();
        if (isset($step['escaped'])) {
            [$sql, $values] = $step['escaped'];
            return $this->outcome($link->query($this->fill($link, $sql, $values)));
        }
        if (isset($step['values'])) {
            $statement = $link->prepare($step['sql']);
            $statement->execute($step['values']);
            $result = $statement->get_result();
            return $result === false
                ? ['affected' => $statement->affected_rows, 'insertId' => $statement->insert_id]
                : ['rows' => $result->fetch_all(MYSQLI_ASSOC)];
        }
        return $this->outcome($link->query($step['sql']));
    }

    private function connect(): mysqli
    {
        $host = ($this->job['persistent'] ? 'p:' : '') . $this->job['host'];
        return mysqli_connect(
            $host,
            $this->job['user'],
            $this->job['password'],
            $this->job['database'],
            $this->job['port'],
        );
    }

    private function fill(mysqli $link, string $sql, array $values): string
    {
        $filled = '';
        foreach (explode('?', $sql) as $index => $part) {
            $literal = $index === 0 ? '' : "'" . mysqli_real_escape_string($link, $values[$index - 1]) . "'";
            $filled .= $literal . $part;
        }
        return $filled;
    }

    private function outcome(mysqli_result|bool $result): array
    {
        return $result instanceof mysqli_result
            ? ['rows' => $result->fetch_all(MYSQLI_ASSOC), 'count' => $result->num_rows]
            : ['affected' => $this->link->affected_rows, 'insertId' => $this->link->insert_id];
    }
}

final class PdoClient
{
    private ?PDO $link = null;

    public function __construct(private array $job)
    {
    }

    public function perform(array $step): array
    {
        if (isset($step['reconnect'])) {
            $this->link = null;
            return [];
        }
        $link = $this->link ??= $this->connect();
        if (isset($step['escaped'])) {
            [$sql, $values] = $step['escaped'];
            $filled = '';
            foreach (explode('?', $sql) as $index => $part) {
                $filled .= ($index === 0 ? '' : $link->quote($values[$index - 1])) . $part;
            }
            return $this->outcome($link->query($filled));
        }
        if (isset($step['values'])) {
            $statement = $link->prepare($step['sql']);
            $statement->execute($step['values']);
            return $this->outcome($statement);
        }
        return $this->outcome($link->query($step['sql']));
    }

    private function connect(): PDO
    {
        $job = $this->job;
        $link = new PDO(
            "mysql:host={$job['host']};port={$job['port']};dbname={$job['database']};charset=utf8mb4",
            $job['user'],
            $job['password'],
            [PDO::ATTR_PERSISTENT => $job['persistent']],
        );
        $link->setAttribute(PDO::ATTR_EMULATE_PREPARES, $job['driver'] === 'pdo-emulated');
        return $link;
    }

    private function outcome(PDOStatement $statement): array
    {
        if ($statement->columnCount() === 0) {
            return ['affected' => $statement->rowCount(), 'insertId' => (int) $this->link->lastInsertId()];
        }
        $rows = $statement->fetchAll(PDO::FETCH_ASSOC);
        return ['rows' => $rows, 'count' => count($rows)];
    }
}
