<?php

declare(strict_types=1);

/** Who is logged in, and the token that proves a form came from our own page. */
final class Session
{
    public function __construct()
    {
        session_name('php_chat');
        session_start([
            'use_strict_mode' => true,
            'cookie_httponly' => true,
            'cookie_samesite' => 'Lax',
            'cookie_secure' => !empty($_SERVER['HTTPS']) && $_SERVER['HTTPS'] !== 'off',
        ]);
        $_SESSION['csrf'] ??= bin2hex(random_bytes(16));
    }

    public function userId(): ?int
    {
        return $_SESSION['userId'] ?? null;
    }

    public function csrf(): string
    {
        return $_SESSION['csrf'];
    }

    public function isOwnForm(): bool
    {
        $token = $_POST['csrf'] ?? '';
        return is_string($token) && hash_equals($this->csrf(), $token);
    }

    public function logIn(int $userId): void
    {
        // A new id, so that one planted before the login is worth nothing after it.
        session_regenerate_id(true);
        $_SESSION = ['userId' => $userId, 'csrf' => bin2hex(random_bytes(16))];
    }

    public function logOut(): void
    {
        $_SESSION = [];
        session_regenerate_id(true);
    }
}
