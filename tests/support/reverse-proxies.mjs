// The proxies of docs/reverse-proxy.md, started with exactly its snippets: only the host's name, the ports and the
// certificate are replaced.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import net from 'node:net';
import { REPOSITORY, temporaryDirectory } from './paths.mjs';
import { Program } from './program.mjs';
import { until } from './until.mjs';

const DOCUMENT = join(REPOSITORY, 'docs', 'reverse-proxy.md');
const MODULES = '/usr/lib/apache2/modules';

/** The n-th snippet in a language. */
export function snippet(language, number = 0) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const found = [...text.matchAll(/```(\w+)\n([^]*?)```/g)].filter((match) => match[1] === language);
  if (!found[number]) throw new Error(`docs/reverse-proxy.md has no snippet ${number} of ${language}`);
  return found[number][2];
}

/** A running proxy: `https` is the port browsers connect to. */
class Proxy {
  constructor(program, https) {
    this.program = program;
    this.https = https;
  }

  async stop() {
    this.program.signal('SIGTERM');
    await this.program.finished();
  }
}

/** Fills a snippet in for `server`; fails when it does not say what is to be replaced. */
function filled(text, server, https, directory) {
  const certificate = join(server.dataDir, 'tls.crt');
  const key = join(server.dataDir, 'tls.key');
  const both = join(directory, 'both.pem');
  writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  const result = text
    .replaceAll('127.0.0.1:8087', `127.0.0.1:${server.httpPort}`)
    .replaceAll('/etc/ssl/comet.example.org.crt', certificate)
    .replaceAll('/etc/ssl/comet.example.org.key', key)
    .replaceAll('/etc/ssl/comet.example.org.pem', both)
    .replaceAll('listen 443 ssl', `listen 127.0.0.1:${https} ssl`)
    .replaceAll('*:443', `127.0.0.1:${https}`)
    .replaceAll('bind :443', `bind 127.0.0.1:${https}`);
  if (!result.includes(String(server.httpPort))) throw new Error(`nothing leads to CometWire:\n${text}`);
  return result;
}

async function freePort() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await until('a free port', () => listener.listening);
  const { port } = listener.address();
  listener.close();
  await until('it is free again', () => !listener.listening);
  return port;
}

async function start(https, command, args, options) {
  const program = Program.start(command, args, options);
  await until(`${command} listens`, async () => {
    if (program.exit) throw new Error(`${command} ended:\n${program.output}`);
    return isOpen(https);
  });
  return new Proxy(program, https);
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export async function nginx(server) {
  const directory = temporaryDirectory();
  const https = await freePort();
  const configuration = join(directory, 'nginx.conf');
  writeFileSync(
    configuration,
    `daemon off; pid ${directory}/nginx.pid; error_log stderr; worker_processes 1; user root;
events {}
http {
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
${filled(snippet('nginx'), server, https, directory)}
}
`,
  );
  return start(https, 'nginx', ['-p', directory, '-c', configuration, '-e', 'stderr']);
}

export async function apache(server) {
  const directory = temporaryDirectory();
  const https = await freePort();
  const configuration = join(directory, 'apache.conf');
  const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'ssl', 'socache_shmcb'];
  writeFileSync(
    configuration,
    `${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
ServerRoot ${directory}
ServerName localhost
PidFile ${directory}/apache.pid
ErrorLog ${directory}/error.log
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
Listen 127.0.0.1:${https}
${filled(snippet('apache'), server, https, directory)}
`,
  );
  return start(https, 'apache2', ['-D', 'FOREGROUND', '-f', configuration]);
}

export async function caddy(server) {
  const directory = temporaryDirectory();
  const https = await freePort();
  const text = filled(snippet('caddy'), server, https, directory)
    // Without the name's certificate from the internet: one of Caddy's own.
    .replace('comet.example.org {', `https://127.0.0.1:${https} {\n    tls internal`);
  const configuration = join(directory, 'Caddyfile');
  writeFileSync(
    configuration,
    `{
    admin off
    auto_https disable_redirects
    skip_install_trust
    storage file_system ${directory}/storage
    default_bind 127.0.0.1
}
${text}`,
  );
  const env = { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
  return start(https, 'caddy', ['run', '--config', configuration, '--adapter', 'caddyfile'], { env });
}

/** HAProxy, looking at requests (0) or passing bytes on with the PROXY protocol (1). */
export async function haproxy(server, number = 0) {
  const directory = temporaryDirectory();
  const https = await freePort();
  const configuration = join(directory, 'haproxy.cfg');
  writeFileSync(configuration, filled(snippet('haproxy', number), server, https, directory));
  return start(https, 'haproxy', ['-db', '-f', configuration]);
}
