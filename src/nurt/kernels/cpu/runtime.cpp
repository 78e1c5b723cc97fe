#include "runtime.h"

#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace nurt {
namespace {

inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// About 20 microseconds on current processors: longer than the gap between two parallel parts of one call, far
// shorter than what a sleeping computer would notice.
constexpr int kSpins = 500;

class Pool {
 public:
  // Held by the caller whose job is running.
  std::mutex turn;

  void run(std::size_t tasks, int threads, Task task, void* context) {
    ensure_workers(threads - 1);
    task_ = task;
    context_ = context;
    tasks_ = tasks;
    next_.store(0);
    seats_.store(threads - 1);
    open_.store(true);
    {
      // The lock orders the new epoch against a worker that is about to fall asleep.
      std::lock_guard<std::mutex> lock(sleep_);
      epoch_.fetch_add(1);
    }
    wake_.notify_all();
    work();
    open_.store(false);
    for (int spin = 0; inside_.load() != 0; ++spin) {
      if (spin < kSpins) {
        pause_briefly();
        continue;
      }
      std::unique_lock<std::mutex> lock(sleep_);
      done_.wait(lock, [this] { return inside_.load() == 0; });
    }
  }

 private:
  void ensure_workers(int count) {
    while (static_cast<int>(workers_) < count) {
      std::thread([this] { serve(); }).detach();
      ++workers_;
    }
  }

  void work() {
    for (std::size_t index = next_.fetch_add(1); index < tasks_; index = next_.fetch_add(1)) {
      task_(context_, index);
    }
  }

  [[noreturn]] void serve() {
    unsigned long seen = 0;
    for (;;) {
      for (int spin = 0; epoch_.load() == seen && spin < kSpins; ++spin) pause_briefly();
      if (epoch_.load() == seen) {
        std::unique_lock<std::mutex> lock(sleep_);
        wake_.wait(lock, [&] { return epoch_.load() != seen; });
      }
      seen = epoch_.load();
      // Entering before asking whether the job is open means its owner waits for us if it is.
      inside_.fetch_add(1);
      if (open_.load() && seats_.fetch_sub(1) > 0) work();
      if (inside_.fetch_sub(1) == 1) {
        std::lock_guard<std::mutex> lock(sleep_);
        done_.notify_one();
      }
    }
  }

  Task task_ = nullptr;
  void* context_ = nullptr;
  std::size_t tasks_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<int> seats_{0};
  std::atomic<int> inside_{0};
  std::atomic<bool> open_{false};
  std::atomic<unsigned long> epoch_{0};
  std::mutex sleep_;
  std::condition_variable wake_, done_;
  std::size_t workers_ = 0;
};

// A forked child inherits the memory of the pool but none of its threads, so it starts a pool of its own. The pool
// is never destroyed: its sleeping workers end with the process.
Pool& pool() {
  static std::mutex guard;
  static Pool* current = nullptr;
  static pid_t owner = 0;
  std::lock_guard<std::mutex> lock(guard);
  if (current == nullptr || owner != getpid()) {
    current = new Pool;
    owner = getpid();
  }
  return *current;
}

std::atomic<bool> g_poison{false};

struct Block {
  char* data;
  std::size_t size;
};

// Blocks at rest. Few and bounded: one caller uses one block at a time.
constexpr std::size_t kBlocksKept = 4;
constexpr std::size_t kBytesKept = std::size_t{256} << 20;
std::mutex g_blocks_guard;
std::vector<Block>& blocks() {
  static auto* kept = new std::vector<Block>;
  return *kept;
}

// Large blocks ask for huge pages: rows of gates lie kilobytes apart, and small pages would miss at every row.
char* allocate(std::size_t bytes) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const bool large = bytes >= 2 * huge_page;
  const std::size_t alignment = large ? huge_page : 64;
  const std::size_t size = (bytes == 0 ? 1 : bytes) + alignment - 1;
  auto* block = static_cast<char*>(std::aligned_alloc(alignment, size / alignment * alignment));
  if (block == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (large) madvise(block, size / alignment * alignment, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

void run_tasks(std::size_t tasks, int threads, Task task, void* context) {
  if (threads > 1 && tasks > 1) {
    Pool& shared = pool();
    std::unique_lock<std::mutex> turn(shared.turn, std::try_to_lock);
    if (turn.owns_lock()) {
      shared.run(tasks, threads, task, context);
      return;
    }
  }
  for (std::size_t index = 0; index < tasks; ++index) task(context, index);
}

Scratch::Scratch(std::size_t bytes) : block_(nullptr), size_(scratch_bytes(bytes)) {
  {
    std::lock_guard<std::mutex> lock(g_blocks_guard);
    auto& kept = blocks();
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i].size >= size_) {
        block_ = kept[i].data;
        size_ = kept[i].size;
        kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    }
  }
  if (block_ == nullptr) block_ = allocate(size_);
  if (g_poison.load()) std::memset(block_, 0xFF, size_);
}

Scratch::~Scratch() {
  std::lock_guard<std::mutex> lock(g_blocks_guard);
  auto& kept = blocks();
  if (size_ <= kBytesKept && kept.size() < kBlocksKept) {
    kept.push_back({block_, size_});
    return;
  }
  // Keep the larger blocks: they serve the small requests too.
  for (Block& other : kept) {
    if (size_ <= kBytesKept && other.size < size_) {
      std::free(other.data);
      other = {block_, size_};
      return;
    }
  }
  std::free(block_);
}

void* Scratch::take(std::size_t bytes) {
  const std::size_t wanted = scratch_bytes(bytes);
  if (used_ + wanted > size_) {
    std::fputs("nurt: scratch memory was sized too small; please report this\n", stderr);
    std::abort();
  }
  void* piece = block_ + used_;
  used_ += wanted;
  return piece;
}

void poison_scratch(bool on) { g_poison.store(on); }

}  // namespace nurt
