<?php
// What a client program is given, and how it tells what it saw: one line a step.

declare(strict_types=1);

[$host, $port, $user, $key] = [getenv('COMET_HOST'), (int) getenv('COMET_PORT'), getenv('COMET_USER'), getenv('COMET_KEY')];
[$pipe, $text] = [getenv('COMET_PIPE'), getenv('COMET_TEXT')];

const PUBLISH = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)';

function say(string $step, string|int ...$words): void
{
    echo implode("\t", [$step, ...$words]), "\n";
}

/** Stops until the runner has seen that nothing uncommitted arrives. */
function waitForRunner(): void
{
    say('waiting');
    fgets(STDIN);
}
