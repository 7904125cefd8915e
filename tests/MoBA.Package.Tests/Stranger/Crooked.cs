using System;
using MoBA;

namespace Stranger
{
    [SparseExpert]
    public sealed partial class Crooked
    {
        private bool Attends(int q, int k) =>
            q >= k && int.PopCount(q - k) < 3;
    }
}
