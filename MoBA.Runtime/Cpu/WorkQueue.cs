using System.Runtime.ExceptionServices;

namespace MoBA.Runtime.Cpu;

/// <summary>Numbered pieces of work that several threads take one by one, so that none waits for another's long piece.</summary>
internal sealed class WorkQueue(long items, CancellationToken cancellation)
{
    private long _next;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _left;

    /// <summary>Runs <paramref name="work"/> on the calling thread and up to <paramref name="workers"/> - 1 others, and returns
    /// when all have ended.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while there was work left.</exception>
    public void Run(int workers, Action<WorkQueue> work)
    {
        Task[] others = new Task[(int)Math.Clamp(items - 1, 0, workers - 1)];
        for (int i = 0; i < others.Length; i++)
            others[i] = Task.Run(() => Work(work), CancellationToken.None);
        Work(work);
        Task.WaitAll(others, CancellationToken.None);   // a task that no thread has taken up runs here
        _failure?.Throw();
        if (_left)
            cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Takes the next piece; false when there is none, or the call is cancelled, or another thread failed.</summary>
    public bool TryTake(out long item)
    {
        item = Interlocked.Increment(ref _next) - 1;
        if (item >= items || _failure is not null)
            return false;
        if (!cancellation.IsCancellationRequested)
            return true;
        _left = true;
        return false;
    }

    private void Work(Action<WorkQueue> work)
    {
        try
        {
            work(this);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        }
    }
}
