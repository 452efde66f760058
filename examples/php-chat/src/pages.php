<?php

declare(strict_types=1);

/** Text made safe for HTML and for attribute values. */
function h(string|int $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function pageTop(string $title): void
{
    ?>
<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title><?= h($title) ?></title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="style.css">
<?php
}

function loginPage(Session $session, ?string $error, bool $demoUsers): void
{
    pageTop('Log in · PHP chat');
    ?>
</head>
<body>
  <main class="card narrow">
    <h1>PHP chat</h1>
    <?php if ($error !== null) { ?><p id="error" class="error" role="alert"><?= h($error) ?></p><?php } ?>
    <form id="login-form" method="post" action="index.php">
      <input type="hidden" name="csrf" value="<?= h($session->csrf()) ?>">
      <label>Login <input id="login" name="login" autocomplete="username" required autofocus></label>
      <label>Password <input id="password" name="password" type="password" autocomplete="current-password" required></label>
      <button id="log-in" name="action" value="login">Log in</button>
    </form>
    <p>No account? <a id="to-register" href="index.php?page=register">Register</a></p>
    <?php if ($demoUsers) { ?>
    <p class="quiet">Demo accounts: <code>ann</code>, <code>bob</code>, <code>kate</code>; the password is the login
      followed by <code>-demo-password</code>.</p>
    <?php } ?>
  </main>
</body>
</html>
<?php
}

function registerPage(Session $session, ?string $error): void
{
    pageTop('Register · PHP chat');
    ?>
</head>
<body>
  <main class="card narrow">
    <h1>New account</h1>
    <?php if ($error !== null) { ?><p id="error" class="error" role="alert"><?= h($error) ?></p><?php } ?>
    <form id="register-form" method="post" action="index.php?page=register">
      <input type="hidden" name="csrf" value="<?= h($session->csrf()) ?>">
      <label>Login <input id="login" name="login" autocomplete="username" pattern="[a-z0-9_]{3,20}" required autofocus
        title="3 to 20 of a-z, 0-9 and _"></label>
      <label>Name <input id="name" name="name" autocomplete="nickname" maxlength="40" required></label>
      <label>Password <input id="password" name="password" type="password" autocomplete="new-password"
        minlength="8" maxlength="72" required></label>
      <button id="register" name="action" value="register">Register</button>
    </form>
    <p><a href="index.php">Back to the login</a></p>
  </main>
</body>
</html>
<?php
}

/** @param array<int, string> $names */
function chatPage(Session $session, Config $config, array $names, string $key): void
{
    $me = $session->userId();
    $settings = [
        'me' => $me,
        'key' => $key,
        'devId' => $config->devId(),
        'room' => Config::ROOM,
        'news' => Config::NEWS,
        'csrf' => $session->csrf(),
        'people' => array_map(fn ($id) => ['id' => $id, 'name' => $names[$id]], array_keys($names)),
    ];
    pageTop('PHP chat');
    ?>
  <script src="<?= h($config->url) ?>/CometServerApi.js" defer></script>
  <script src="chat.js" defer></script>
</head>
<body data-settings="<?= h(json_encode($settings, JSON_THROW_ON_ERROR)) ?>">
  <main class="card">
    <header>
      <h1>PHP chat</h1>
      <span id="state" class="offline" role="status">connecting</span>
      <form method="post" action="index.php">
        <input type="hidden" name="csrf" value="<?= h($session->csrf()) ?>">
        <span>You are <b id="me"><?= h($names[$me]) ?></b></span>
        <button id="logout" name="action" value="logout">Log out</button>
      </form>
    </header>
    <p id="notice" class="error" role="alert" hidden></p>
    <div class="columns">
      <section class="room">
        <h2>Everybody</h2>
        <ol id="messages" class="messages" aria-live="polite"></ol>
        <form id="form">
          <input id="text" aria-label="Message to everybody" maxlength="2000" autocomplete="off" required>
          <button id="send">Send</button>
        </form>
        <p id="report" class="quiet" role="status">&nbsp;</p>
      </section>
      <aside>
        <h2>People</h2>
        <ul id="online"></ul>
        <h2>Private</h2>
        <ol id="private-messages" class="messages" aria-live="polite"></ol>
        <form id="private-form">
          <label>To <select id="private-to" required></select></label>
          <input id="private-text" aria-label="Private message" maxlength="2000" autocomplete="off" required>
          <button id="private-send">Send</button>
        </form>
      </aside>
    </div>
  </main>
</body>
</html>
<?php
}

function cometDownPage(Config $config): void
{
    http_response_code(503);
    pageTop('PHP chat');
    ?>
</head>
<body>
  <main class="card narrow">
    <h1>CometWire does not answer</h1>
    <p id="error" class="error">Nothing to talk to at <?= h($config->host) ?>:<?= h($config->port) ?>, or the key is
      wrong. COMETWIRE_HOST, COMETWIRE_PORT, COMETWIRE_USER and COMETWIRE_KEY say where it is; the reason is in the log
      of this program.</p>
    <p><a href="index.php">Try again</a></p>
  </main>
</body>
</html>
<?php
}
