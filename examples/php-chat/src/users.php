<?php

declare(strict_types=1);

/** The accounts, in one JSON file. A real site has a table for this. */
final class Users
{
    /** More accounts than this are refused: every page shows, and subscribes to, all of them. */
    private const LIMIT = 200;

    private const DEMO = ['ann' => 'Ann', 'bob' => 'Bob', 'kate' => 'Катя'];

    private readonly string $file;

    public function __construct(private readonly Config $config)
    {
        $directory = $config->dataDirectory;
        if (!is_dir($directory) && !mkdir($directory, 0700, true) && !is_dir($directory)) {
            throw new RuntimeException("cannot create $directory; set PHP_CHAT_DATA to a directory that can be written");
        }
        $this->file = "$directory/users.json";
    }

    /** The account whose login and password these are, or null. */
    public function authenticate(string $login, string $password): ?array
    {
        $user = $this->locked(fn (array &$users) => $users[$login] ?? null);
        if ($user === null) {
            // As long as a wrong password takes, so that the time does not tell which logins exist.
            password_hash('nobody', PASSWORD_DEFAULT);
            return null;
        }
        return password_verify($password, $user['password']) ? $user : null;
    }

    /** Creates an account and returns it, or a sentence that says why not. */
    public function register(string $login, string $password, string $name): array|string
    {
        if (!preg_match('/^[a-z0-9_]{3,20}$/D', $login)) {
            return 'A login is 3 to 20 of a-z, 0-9 and _.';
        }
        if (strlen($password) < 8 || strlen($password) > 72) {
            return 'A password has 8 to 72 characters.';
        }
        if (!preg_match('/^[^\p{C}]{1,40}$/Du', $name)) {
            return 'A name has 1 to 40 characters.';
        }
        $hash = password_hash($password, PASSWORD_DEFAULT);
        return $this->locked(function (array &$users) use ($login, $name, $hash) {
            if (isset($users[$login])) {
                return 'This login is taken.';
            }
            if (count($users) >= self::LIMIT) {
                return 'There are too many accounts already.';
            }
            return $users[$login] = ['id' => count($users) + 1, 'name' => $name, 'password' => $hash];
        });
    }

    /** @return array<int, string> the names of all users by their number */
    public function names(): array
    {
        return array_column($this->locked(fn (array &$users) => $users), 'name', 'id');
    }

    /** Reads the file, lets $work look or change, writes it back if changed; one process at a time. */
    private function locked(callable $work): mixed
    {
        $lock = fopen("$this->file.lock", 'c');
        flock($lock, LOCK_EX);
        try {
            $before = is_file($this->file)
                ? json_decode(file_get_contents($this->file), true, 8, JSON_THROW_ON_ERROR)
                : null;
            $users = $before ?? $this->firstUsers();
            $result = $work($users);
            if ($users !== $before) {
                // Written beside and renamed, so that a crash leaves the old file or the new one.
                $json = json_encode($users, JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
                file_put_contents("$this->file.new", $json);
                chmod("$this->file.new", 0600);
                rename("$this->file.new", $this->file);
            }
            return $result;
        } finally {
            fclose($lock);
        }
    }

    private function firstUsers(): array
    {
        $users = [];
        foreach ($this->config->demoUsers ? self::DEMO : [] as $login => $name) {
            $password = password_hash("$login-demo-password", PASSWORD_DEFAULT);
            $users[$login] = ['id' => count($users) + 1, 'name' => $name, 'password' => $password];
        }
        return $users;
    }
}
