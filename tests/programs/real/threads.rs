//! std::thread, mpsc, Mutex, Condvar, RwLock, Barrier, HashMap's random state.
use std::collections::HashMap;
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::Duration;

fn main() {
    let (tx, rx) = mpsc::sync_channel::<(usize, u64)>(4);
    let state = Arc::new((Mutex::new(0usize), Condvar::new()));
    let table = Arc::new(RwLock::new(HashMap::new()));
    let barrier = Arc::new(Barrier::new(6));
    let handles: Vec<_> = (0..6)
        .map(|i| {
            let (tx, state, table) = (tx.clone(), state.clone(), table.clone());
            let barrier = barrier.clone();
            thread::Builder::new().name(format!("worker {i}")).spawn(move || {
                barrier.wait();
                for k in 0..30u64 {
                    tx.send((i, k)).unwrap();
                    if k % 7 == 0 {
                        thread::sleep(Duration::from_micros(100 * i as u64));
                    }
                    table.write().unwrap().insert((i, k), k * k);
                }
                let mut turn = state.0.lock().unwrap();
                while *turn != 5 - i {
                    turn = state.1.wait_timeout(turn, Duration::from_secs(5)).unwrap().0;
                }
                *turn += 1;
                state.1.notify_all();
            })
        })
        .map(|h| h.unwrap())
        .collect();
    drop(tx);
    let received: Vec<_> = rx.iter().collect();
    for handle in handles {
        handle.join().unwrap();
    }
    assert_eq!(received.len(), 180);
    let order: Vec<_> = table.read().unwrap().keys().cloned().collect();
    println!("{:?} {:?}", received, &order[..20]);
}
