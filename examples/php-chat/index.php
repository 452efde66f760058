<?php

// The whole site: what each request does. Pages are in src/pages.php, SQL to CometWire in src/comet.php.

declare(strict_types=1);

require __DIR__ . '/src/config.php';
require __DIR__ . '/src/users.php';
require __DIR__ . '/src/comet.php';
require __DIR__ . '/src/session.php';
require __DIR__ . '/src/pages.php';

$config = new Config();
$session = new Session();
$users = new Users($config);

header("Content-Security-Policy: default-src 'none'; script-src 'self' {$config->url}; style-src 'self'; img-src data:; "
    . "connect-src 'self' {$config->webSocketOrigin()}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
header('X-Content-Type-Options: nosniff');
header('Referrer-Policy: no-referrer');
header('Cache-Control: no-store');

try {
    if ($_SERVER['REQUEST_METHOD'] === 'POST') {
        if (!$session->isOwnForm()) {
            http_response_code(403);
            showPage($session, $config, $users, 'This form was too old. Please try again.');
            exit;
        }
        match (field('action')) {
            'login' => logIn($session, $config, $users),
            'register' => register($session, $config, $users),
            'logout' => logOut($session, $config),
            'private' => sendPrivate($session, $config, $users),
            default => http_response_code(400),
        };
    } elseif (($_GET['action'] ?? '') === 'people') {
        people($session, $config, $users);
    } else {
        showPage($session, $config, $users, null);
    }
} catch (mysqli_sql_exception $error) {
    error_log("CometWire: {$error->getMessage()}");
    cometDownPage($config);
}

function showPage(Session $session, Config $config, Users $users, ?string $error): void
{
    $names = $users->names();
    if ($session->userId() !== null && isset($names[$session->userId()])) {
        chatPage($session, $config, $names, (new Comet($config))->keyOf($session->userId()));
    } elseif (($_GET['page'] ?? '') === 'register') {
        registerPage($session, $error);
    } else {
        loginPage($session, $error, $config->demoUsers);
    }
}

function logIn(Session $session, Config $config, Users $users): void
{
    $user = $users->authenticate(field('login'), field('password'));
    if ($user === null) {
        http_response_code(401);
        loginPage($session, 'Wrong login or password.', $config->demoUsers);
        return;
    }
    $session->logIn($user['id']);
    goToChat();
}

function register(Session $session, Config $config, Users $users): void
{
    $user = $users->register(field('login'), field('password'), trim(field('name')));
    if (is_string($user)) {
        http_response_code(422);
        registerPage($session, $user);
        return;
    }
    $session->logIn($user['id']);
    (new Comet($config))->sendToPipe(Config::NEWS, 'registered', ['id' => $user['id'], 'name' => $user['name']]);
    goToChat();
}

function logOut(Session $session, Config $config): void
{
    $userId = $session->userId();
    $session->logOut();
    if ($userId !== null) {
        (new Comet($config))->forget($userId);
    }
    goToChat();
}

/** Private messages go through PHP, which knows who may write to whom; browsers cannot send them by themselves. */
function sendPrivate(Session $session, Config $config, Users $users): void
{
    $from = $session->userId();
    $names = $users->names();
    $to = (int) field('to');
    $text = trim(field('text'));
    if ($from === null || !isset($names[$from])) {
        answer(401, ['error' => 'You are not logged in.']);
    } elseif (!isset($names[$to])) {
        answer(422, ['error' => 'There is no such user.']);
    } elseif (!preg_match('/^.{1,2000}$/Dsu', $text)) {
        answer(422, ['error' => 'A message has 1 to 2000 characters.']);
    } else {
        $message = ['from' => $from, 'name' => $names[$from], 'text' => $text, 'time' => time()];
        (new Comet($config))->sendToUser($to, 'private', $message);
        answer(200, ['error' => '']);
    }
}

/** All users with the time they were last seen. */
function people(Session $session, Config $config, Users $users): void
{
    $names = $users->names();
    if ($session->userId() === null || !isset($names[$session->userId()])) {
        answer(401, ['error' => 'You are not logged in.']);
        return;
    }
    $seen = (new Comet($config))->lastSeen(array_keys($names));
    $people = [];
    foreach ($names as $id => $name) {
        $people[] = ['id' => $id, 'name' => $name, 'seen' => $seen[$id] ?? -1];
    }
    answer(200, ['people' => $people]);
}

function field(string $name): string
{
    $value = $_POST[$name] ?? '';
    return is_string($value) ? $value : '';
}

function answer(int $status, array $body): void
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
}

function goToChat(): void
{
    header('Location: index.php', true, 303);
}
