"""What learners say is wrong with a question: told on its page, read by those who write."""
