<?php

declare(strict_types=1);

/** Where CometWire is and where this program keeps its users; everything comes from the environment. */
final class Config
{
    public const ROOM = 'webauth_php_chat';
    public const NEWS = 'php_chat_users';

    public readonly string $host;
    public readonly int $port;
    public readonly string $user;
    public readonly string $key;
    public readonly string $url;
    public readonly string $dataDirectory;
    public readonly bool $demoUsers;

    public function __construct()
    {
        $this->host = self::env('COMETWIRE_HOST', '127.0.0.1');
        $this->port = (int) self::env('COMETWIRE_PORT', '3307');
        $this->user = self::env('COMETWIRE_USER', 'root');
        $this->key = self::env('COMETWIRE_KEY', '');
        $this->url = rtrim(self::env('COMETWIRE_URL', 'http://127.0.0.1:8087'), '/');
        $home = self::env('HOME', sys_get_temp_dir());
        $this->dataDirectory = self::env('PHP_CHAT_DATA', "$home/.local/state/cometwire-php-chat");
        $this->demoUsers = self::env('PHP_CHAT_DEMO', '1') !== '0';
    }

    /** CometWire's tenant: the MySQL user name is its number, root is 0. */
    public function devId(): int
    {
        return (int) $this->user;
    }

    /** The origin browsers open WebSockets to, for the Content-Security-Policy. */
    public function webSocketOrigin(): string
    {
        $parts = parse_url($this->url);
        $scheme = ($parts['scheme'] ?? 'http') === 'https' ? 'wss' : 'ws';
        return "$scheme://" . ($parts['host'] ?? '') . (isset($parts['port']) ? ":{$parts['port']}" : '');
    }

    private static function env(string $name, string $default): string
    {
        $value = getenv($name);
        return $value === false || $value === '' ? $default : $value;
    }
}
