#include "runtime.h"

#include <dlfcn.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
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

// About 300 microseconds on current processors: longer than the gap between two parallel parts of one call, or
// between the calls of a small network, far shorter than what a sleeping computer would notice.
constexpr int kSpins = 8000;

template <class Condition> inline bool spin_until(int spins, const Condition& holds) {
  for (int spin = 0; spin < spins; ++spin) {
    if (holds()) return true;
    pause_briefly();
  }
  return false;
}

// Waits for something that another thread brings about: spinning first, then asleep. An idle core is where the scheduler
// takes the one we wait for, should another program hold the core it was on; a core that spins keeps it waiting there.
class Bell {
 public:
  template <class Condition> void wait_until(const Condition& holds) {
    if (spin_until(kSpins, holds)) return;
    std::unique_lock<std::mutex> lock(guard_);
    asleep_.fetch_add(1);
    bell_.wait(lock, holds);
    asleep_.fetch_sub(1);
  }

  // The same, with `look` called now and then.
  template <class Condition, class Look> void wait_looking(const Condition& holds, const Look& look) {
    if (spin_until(kSpins, holds)) return;
    std::unique_lock<std::mutex> lock(guard_);
    asleep_.fetch_add(1);
    while (!holds()) {
      if (bell_.wait_for(lock, std::chrono::milliseconds(50)) != std::cv_status::timeout) continue;
      lock.unlock();
      look();
      lock.lock();
    }
    asleep_.fetch_sub(1);
  }

  // To be called after whatever may make a condition true. A sleeper counts itself before its last look, so either we
  // see the sleeper or it sees what we did.
  void ring() {
    if (asleep_.load() == 0) return;
    // Whoever has looked already sleeps once it lets go of the lock.
    { const std::lock_guard<std::mutex> lock(guard_); }
    bell_.notify_all();
  }

 private:
  std::atomic<int> asleep_{0};
  std::mutex guard_;
  std::condition_variable bell_;
};

// The scheduler may wake a worker on the core of its busy leader though another core is idle, and there it waits for
// milliseconds, time after time. A worker that finds itself there steps aside, for the moment: later the idle core may
// be that one.
#if defined(__linux__)
inline int current_core() { return sched_getcpu(); }
inline void step_aside(int core) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
  cpu_set_t others = allowed;
  CPU_CLR(core, &others);
  if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
inline int current_core() { return -1; }
inline void step_aside(int) {}
#endif

// The crew of OpenMP, where the process has one. torch's threads belong to it, and after each of torch's own
// parallel loops they spin for milliseconds: a thread of ours would have to wait until the scheduler takes the core
// from them, while they themselves start within a microsecond.
//
// Its entry points are those that compilers call for `#pragma omp parallel`, looked up when first needed, so that
// nothing has to be linked; without them the sleepers below serve.
struct OpenMp {
  void (*start)(void (*)(void*), void*, unsigned) = find<void(void (*)(void*), void*, unsigned)>("GOMP_parallel_start");
  void (*end)() = find<void()>("GOMP_parallel_end");
  int (*threads)() = find<int()>("omp_get_max_threads");

  // Another number of threads than OpenMP holds would make it end threads and start them again.
  bool has_crew_of(int count) const {
    return start != nullptr && end != nullptr && threads != nullptr && threads() == count;
  }

 private:
  template <class F> static F* find(const char* name) { return reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name)); }
};

// OpenMP waits for all of its threads at the end. When another program holds a core that can take milliseconds, so
// after a late end the next teams are gathered from the sleepers, which nobody waits for; the more often the ends
// are late, the longer OpenMP is left alone. A worker that stepped aside is late once by the scheduler's choice and then
// has a core of its own, so that is forgiven, but not twice in a row.
class Punctuality {
 public:
  bool trusted() { return teams_left_out_ == 0 || teams_left_out_-- == 0; }
  void judge(std::chrono::steady_clock::duration waited, bool stepped_aside) {
    if (waited < std::chrono::microseconds(300)) {
      penalty_ /= 2;
      forgiven_ = false;
    } else if (stepped_aside && !forgiven_) {
      forgiven_ = true;
    } else {
      penalty_ = penalty_ == 0 ? 16 : std::min(2 * penalty_, 4096);
      teams_left_out_ = penalty_;
    }
  }

 private:
  int teams_left_out_ = 0, penalty_ = 0;
  bool forgiven_ = false;
};

}  // namespace

// What can be given up.
struct Interruptible::Call {
  Poll poll;
  std::atomic<bool> stopped{false};
  bool timed = false;
  std::chrono::steady_clock::time_point next{};
};

namespace {

// The call that this thread computes for, and the one that it made itself.
thread_local Interruptible::Call* t_call = nullptr;
thread_local Interruptible::Call* t_own = nullptr;
// While it asks, the thread leads no team: what it runs on the way must not disturb the one that waits for it.
thread_local bool t_alone = false;

constexpr auto kBetweenPolls = std::chrono::milliseconds(100);

// To be asked before each task. Tasks may be as short as a look, or too short to look up by themselves.
inline bool leave_before(std::size_t task) { return task % 16 == 15 ? look_up() : given_up(); }

// All threads besides the callers'. One caller at a time leads the team; its workers look for tasks until it is
// dismissed. Nobody ever waits for a worker that holds no task.
class Pool {
 public:
  explicit Pool(bool may_use_openmp) : may_use_openmp_(may_use_openmp) {}

  // Held by the leader.
  std::mutex turn;

  void gather(int threads) {
    workers_wanted_.store(threads - 1);
    leader_core_.store(current_core());
    call_ = t_call;
    uses_openmp_ = may_use_openmp_ && openmp_.has_crew_of(threads) && punctuality_.trusted();
    if (!uses_openmp_) ensure_sleepers(threads - 1);
    team_.fetch_add(1);
    if (!uses_openmp_) return called_.ring();
    openmp_.start([](void* self) { static_cast<Pool*>(self)->attend(); }, this, static_cast<unsigned>(threads));
  }

  void dismiss() {
    team_.fetch_add(1);
    work_.ring();
    if (!uses_openmp_) return;
    const auto begin = std::chrono::steady_clock::now();
    openmp_.end();
    punctuality_.judge(std::chrono::steady_clock::now() - begin, stepped_aside_.exchange(false));
  }

  void run(std::size_t tasks, Task task, void* context) {
    task_ = task;
    context_ = context;
    tasks_ = tasks;
    next_.store(0);
    phase_.fetch_add(1);
    work_.ring();
    work();
    phase_.fetch_add(1);
    done_.wait_looking([this] { return busy_.load() == 0; }, look_up);
  }

 private:
  // Of a counter that goes up when something begins and again when it ends.
  static bool is_on(unsigned long counter) { return counter % 2 == 1; }

  void ensure_sleepers(int count) {
    for (; workers_ < count; ++workers_) {
      std::thread([this, number = workers_] { serve(number); }).detach();
    }
  }

  void work() {
    for (std::size_t index = next_.fetch_add(1); index < tasks_ && !leave_before(index); index = next_.fetch_add(1)) {
      task_(context_, index);
    }
  }

  // Takes part in every phase of the team of the moment.
  void attend() {
    const unsigned long team = team_.load();
    unsigned long seen = 0;
    const int core = leader_core_.load();
    if (core >= 0 && core == current_core()) {
      step_aside(core);
      stepped_aside_.store(true);
    }
    while (is_on(team)) {
      unsigned long phase = 0;
      work_.wait_until([&] {
        phase = phase_.load();
        return (is_on(phase) && phase != seen) || team_.load() != team;
      });
      if (team_.load() != team) return;
      // Entering before asking whether the phase is still on means the leader waits for us if it is.
      busy_.fetch_add(1);
      if (phase_.load() == phase) {
        t_call = call_;
        work();
        t_call = nullptr;
      }
      if (busy_.fetch_sub(1) == 1) done_.ring();
      seen = phase;
    }
  }

  [[noreturn]] void serve(int number) {
    unsigned long seen = 0;
    const auto called = [&] { return is_on(team_.load()) && team_.load() != seen; };
    for (;;) {
      called_.wait_until(called);
      seen = team_.load();
      if (!uses_openmp_ && number < workers_wanted_.load()) attend();
    }
  }

  const bool may_use_openmp_;
  const OpenMp openmp_;
  Punctuality punctuality_;
  std::atomic<bool> uses_openmp_{false}, stepped_aside_{false};
  int workers_ = 0;
  std::atomic<int> workers_wanted_{0}, leader_core_{-1};
  std::atomic<unsigned long> team_{0}, phase_{0};  // both go up by one at each begin and at each end
  std::atomic<int> busy_{0};                       // workers that may hold a task
  Interruptible::Call* call_ = nullptr;            // of the leader
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::size_t tasks_ = 0;
  std::atomic<std::size_t> next_{0};
  Bell called_, work_, done_;  // rung for a team, for a phase or the team's end, for the end of the last task
};

// A forked child inherits the memory of the pool but none of its threads, so it starts a pool of its own; OpenMP cannot
// start again there. The pool is never destroyed: its sleeping workers end with the process.
Pool& pool() {
  static std::mutex guard;
  static Pool* current = nullptr;
  static pid_t owner = 0;
  static const pid_t first = getpid();
  std::lock_guard<std::mutex> lock(guard);
  if (current == nullptr || owner != getpid()) {
    owner = getpid();
    current = new Pool(owner == first);
  }
  return *current;
}

// The pool whose team this thread leads.
thread_local Pool* t_led = nullptr;

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

Team::Team(int threads) : leads_(false) {
  if (threads < 2 || t_led != nullptr || t_alone) return;
  Pool& shared = pool();
  if (!shared.turn.try_lock()) return;
  leads_ = true;
  t_led = &shared;
  shared.gather(threads);
}

Team::~Team() {
  if (!leads_) return;
  t_led->dismiss();
  t_led->turn.unlock();
  t_led = nullptr;
}

void run_tasks(std::size_t tasks, int threads, Task task, void* context) {
  if (threads > 1 && tasks > 1 && t_led != nullptr && !t_alone) return t_led->run(tasks, task, context);
  for (std::size_t index = 0; index < tasks && !leave_before(index); ++index) task(context, index);
}

Interruptible::Interruptible(Poll poll) : call_(poll == nullptr ? nullptr : new Call{poll}), before_(t_call) {
  t_call = t_own = call_;
}

Interruptible::~Interruptible() {
  t_call = t_own = before_;
  delete call_;
}

bool Interruptible::stopped() const { return call_ != nullptr && call_->stopped.load(); }

bool given_up() { return t_call != nullptr && t_call->stopped.load(std::memory_order_relaxed); }

bool look_up() {
  Interruptible::Call* const call = t_call;
  if (call == nullptr) return false;
  if (call != t_own || call->stopped.load(std::memory_order_relaxed)) return call->stopped.load();
  const auto now = std::chrono::steady_clock::now();
  if (!call->timed) {
    call->timed = true;
    call->next = now + kBetweenPolls;
  }
  if (now < call->next) return false;
  t_call = t_own = nullptr;
  t_alone = true;
  const bool stop = call->poll();
  t_alone = false;
  t_call = t_own = call;
  call->next = std::chrono::steady_clock::now() + kBetweenPolls;
  if (stop) call->stopped.store(true);
  return stop;
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
