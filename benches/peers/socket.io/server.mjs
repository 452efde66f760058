// A Socket.IO server as small as pipebench needs it: rooms are pipes, `pub` is
// acknowledged and reaches a whole room, `say` reaches the others of one.

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const [port] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  perMessageDeflate: false,
});

io.on('connection', (socket) => {
  socket.on('sub', (pipe, done) => {
    socket.join(pipe);
    done();
  });
  socket.on('pub', (pipe, text, done) => {
    io.to(pipe).emit('bench', text);
    done();
  });
  socket.on('say', (pipe, text) => {
    socket.to(pipe).emit('bench', text);
  });
});

process.on('SIGTERM', () => process.exit(0));
http.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
