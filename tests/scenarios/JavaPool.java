import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A server that answers from a pool of four threads, and eight clients in another pool. */
public class JavaPool {
    static final int CLIENTS = 8, LINES = 50;

    static void answer(Socket socket) {
        try (socket;
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
                PrintWriter out = new PrintWriter(socket.getOutputStream(), true)) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.println(line.length() + " " + new StringBuilder(line).reverse());
            }
        } catch (IOException error) {
            System.out.println("server: " + error);
        }
    }

    static int ask(int port, int number) throws IOException {
        int same = 0;
        try (Socket socket = new Socket("localhost", port);
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
                PrintWriter out = new PrintWriter(socket.getOutputStream(), true)) {
            for (int turn = 0; turn < LINES; turn++) {
                String line = ("client " + number + " turn " + turn + ";").repeat(turn + 1);
                out.println(line);
                String expected = line.length() + " " + new StringBuilder(line).reverse();
                same += expected.equals(in.readLine()) ? 1 : 0;
            }
        }
        return same;
    }

    static void accept(ServerSocket server, ExecutorService pool) {
        try {
            while (true) {
                Socket socket = server.accept();
                pool.execute(() -> answer(socket));
            }
        } catch (IOException closed) {
            pool.shutdown();
        }
    }

    public static void main(String[] arguments) throws Exception {
        String given = System.getenv("PORT");
        int port = given == null ? 7001 : Integer.parseInt(given);
        ServerSocket server = new ServerSocket(port, 50, java.net.InetAddress.getByName("127.0.0.1"));
        ExecutorService answering = Executors.newFixedThreadPool(4);
        Thread acceptor = new Thread(() -> accept(server, answering));
        acceptor.start();
        ExecutorService asking = Executors.newFixedThreadPool(CLIENTS);
        List<Future<Integer>> counts = new ArrayList<>();
        for (int number = 0; number < CLIENTS; number++) {
            int client = number;
            counts.add(asking.submit(() -> ask(port, client)));
        }
        int same = 0;
        for (Future<Integer> count : counts) {
            same += count.get();
        }
        System.out.println("same answers: " + same);
        asking.shutdown();
        server.close();
        acceptor.join();
        try {
            new Socket("127.0.0.1", port);
        } catch (ConnectException error) {
            System.out.println("closed: " + error.getMessage());
        }
    }
}
